"""Ports on loopback that stay ours between choosing them and listening on them."""

import asyncio
import socket
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from bot.demo.errors import DemoError

LOOPBACK = "127.0.0.1"


class Port:
    """A TCP port on 127.0.0.1, held so that nobody else is given it.

    The holding socket is bound with SO_REUSEADDR and never listens. Linux then lets one server listen on the port,
    end, and listen again; while none does, connections are refused.

    Args:
        number: the wanted port; 0 takes a free one.

    Raises:
        DemoError: the wanted port is in use.
    """

    def __init__(self, number: int = 0) -> None:
        self._holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._holder.bind((LOOPBACK, number))
        except OSError as error:
            self._holder.close()
            raise DemoError(f"port {number} on {LOOPBACK} is in use; choose another, such as {number + 1}") from error
        self.number: int = self._holder.getsockname()[1]

    def listen(self) -> socket.socket:
        """A new listening socket on the port, for servers inside this process. The caller closes it."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, self.number))
        listener.listen(128)
        listener.settimeout(0)
        return listener

    def close(self) -> None:
        """Let go of the port."""
        self._holder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


async def wait_until_listening(port: int, alive: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something accepts connections on a loopback port.

    Args:
        port: the port.
        alive: whether the server that is expected still runs.
        seconds: how long to wait at most.

    Raises:
        DemoError: the server ended, or nobody listened in time.
    """
    deadline = time.monotonic() + seconds
    while not await _accepts(port):
        if not alive():
            raise DemoError(f"the server for port {port} ended before it listened")
        if time.monotonic() > deadline:
            raise DemoError(f"nothing listened on port {port} within {seconds:.0f} s")
        await asyncio.sleep(0.01)


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.transport.abort()
    return True
