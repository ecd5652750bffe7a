"""A wire between two programs on this machine that can be cut, frozen, refused or slowed while it carries."""

import asyncio
import contextlib
import socket
import struct
from types import TracebackType
from typing import Self

from bot.demo.processes.ports import LOOPBACK, Port

_CHUNK = 64 * 1024
_QUEUE = 64
"""Chunks under way in one direction; with latency, more would be read than a real wire holds."""


class TcpProxy:
    """A TCP proxy on loopback, to stand between a client and a server.

    As a context manager it listens on `port` of `address` and carries each connection to the target. Every method
    takes effect at once, on live connections where its docstring says so.

    Args:
        port: the target's port.
        host: the target's address.
    """

    def __init__(self, port: int, host: str = LOOPBACK) -> None:
        self._target = (host, port)
        self._held = Port()
        self._server: asyncio.Server | None = None
        self._lines: set[_Line] = set()
        self._carrying = asyncio.Event()
        self._carrying.set()
        self.latency = 0.0
        """Seconds that every byte takes, in each direction; may be changed at any time."""
        self.accepted = 0
        """How many connections were made to the wire since it was opened."""

    @property
    def address(self) -> str:
        """The address to connect to."""
        return LOOPBACK

    @property
    def port(self) -> int:
        """The port to connect to; it stays the same while the wire exists."""
        return self._held.number

    @property
    def live(self) -> int:
        """How many connections the wire holds now."""
        return len(self._lines)

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.refuse()
        self._carrying.set()
        self.reset()
        await asyncio.gather(*(line.closed.wait() for line in tuple(self._lines)))
        self._held.close()

    async def heal(self) -> None:
        """Carry again: thaw live connections, accept new ones, no latency. What was cut stays cut."""
        self.latency = 0.0
        self._carrying.set()
        await self._listen()

    def reset(self) -> int:
        """Cut every live connection with RST, on both sides.

        Returns:
            How many were cut. New connections are accepted as before.
        """
        lines = tuple(self._lines)
        for line in lines:
            line.reset()
        return len(lines)

    def finish(self) -> int:
        """End every live connection with FIN, on both sides; what either still sends is dropped.

        Returns:
            How many were ended. New connections are accepted as before.
        """
        lines = tuple(self._lines)
        for line in lines:
            line.finish()
        return len(lines)

    def freeze(self) -> None:
        """Drop everything silently, on live and new connections, until `heal`."""
        self._carrying.clear()

    async def refuse(self) -> None:
        """Refuse new connections; live ones go on. `heal` accepts again."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._carry, sock=self._held.listen())

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        line = _Line(self, reader, writer)
        self._lines.add(line)
        try:
            await line.run(self._target)
        finally:
            self._lines.discard(line)
            line.closed.set()

    async def carried(self) -> None:
        """Wait until the wire is not frozen."""
        await self._carrying.wait()


class _Line:
    """One connection on a wire: the client's side and the server's side."""

    def __init__(self, wire: TcpProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._wire = wire
        self._client = (reader, writer)
        self._writers = [writer]
        self._work: asyncio.Task[None] | None = None
        self._finishing = False
        self.closed = asyncio.Event()

    async def run(self, target: tuple[str, int]) -> None:
        self._work = asyncio.create_task(self._both_ways(target))
        await asyncio.wait({self._work})
        if self._work.cancelled() or self._work.exception() is not None:
            self._abort()
        for writer in self._writers:
            writer.close()

    async def _both_ways(self, target: tuple[str, int]) -> None:
        await self._wire.carried()
        server = await asyncio.open_connection(*target)
        self._writers.append(server[1])
        for writer in self._writers:
            # A wire holds nothing back; asyncio sets this only for sockets that were made with the protocol's number.
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._one_way(self._client[0], server[1]))
            group.create_task(self._one_way(server[0], self._client[1]))

    async def _one_way(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_QUEUE)
        loop = asyncio.get_running_loop()

        async def take() -> None:
            data = b" "
            while data:
                await self._wire.carried()
                data = await reader.read(_CHUNK)
                await under_way.put((loop.time() + self._wire.latency, data))

        async def give() -> None:
            while True:
                due, data = await under_way.get()
                if (wait := due - loop.time()) > 0:
                    await asyncio.sleep(wait)
                await self._wire.carried()
                if self._finishing:
                    if not data:
                        return
                    continue
                if not data:
                    with contextlib.suppress(OSError):
                        writer.write_eof()
                    return
                writer.write(data)
                await writer.drain()

        async with asyncio.TaskGroup() as group:
            group.create_task(take())
            group.create_task(give())

    def reset(self) -> None:
        self._abort()
        if self._work is not None:
            self._work.cancel()

    def finish(self) -> None:
        self._finishing = True
        for writer in self._writers:
            with contextlib.suppress(OSError, RuntimeError):
                writer.write_eof()

    def _abort(self) -> None:
        for writer in self._writers:
            plug: socket.socket | None = writer.get_extra_info("socket")
            if plug is not None and plug.fileno() >= 0:
                # a linger time of zero makes close send RST instead of FIN
                with contextlib.suppress(OSError):
                    plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
