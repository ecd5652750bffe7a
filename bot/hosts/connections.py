"""SSH connections to the hosts: reused, paced, kept alive, host keys always checked, closed by their one owner."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextvars import Context
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import asyncssh

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.shell import Command, ReadResult
from bot.domain.targets.target import Host
from bot.hosts.channel import ConnectionCutError, hear, read_bounded, run_both, send_script
from bot.hosts.login import Jump, log_in
from bot.hosts.spare_shells import FRESH_SECONDS, Contact, OpenShell, SpareShells

_OPEN_FAILED_PAUSE = 0.05
_LONGEST_COMPLAINT = 64 * 1024


@dataclass(frozen=True)
class ConnectionSettings:
    """Limits of connections.

    Args:
        keepalive_interval: seconds between questions whether the host is still there.
        keepalive_count: unanswered questions after which a connection counts as dead.
        connect_timeout: seconds for making a connection, login included.
        open_timeout: seconds for opening a channel, waiting for a free place included.
        pace: seconds between the starts of two new connections to one host (sshd's MaxStartups is 10).
        channels: sessions on one connection at a time (sshd's MaxSessions is 10, and places become free late).
        connections: connections to one host at a time.
    """

    keepalive_interval: float = 5.0
    keepalive_count: int = 3
    connect_timeout: float = 15.0
    open_timeout: float = 30.0
    pace: float = 0.05
    channels: int = 7
    connections: int = 6


class _Link:
    """One connection and its free channels."""

    def __init__(self, connection: asyncssh.SSHClientConnection, channels: int) -> None:
        self.connection = connection
        self.contact = Contact(asyncio.get_running_loop().time())
        self.wanted = 0
        self._channels = channels
        self._places = asyncio.Semaphore(channels)

    @property
    def alive(self) -> bool:
        return not self.connection.is_closed()

    @property
    def has_room(self) -> bool:
        return self.wanted < self._channels

    @property
    def has_room_to_spare(self) -> bool:
        return self.wanted < self._channels - 1

    async def take(self) -> None:
        self.wanted += 1
        try:
            await self._places.acquire()
        except asyncio.CancelledError:
            self.wanted -= 1
            raise

    def give_back(self) -> None:
        self.wanted -= 1
        self._places.release()


class _Pool:
    """The connections to one host."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.spare = SpareShells(self.open_spare)
        self.links: list[_Link] = []
        self.making: asyncio.Task[_Link] | None = None
        self.next_start = 0.0

    def living(self) -> list[_Link]:
        self.links = [link for link in self.links if link.alive]
        return self.links

    async def open_spare(self) -> OpenShell | None:
        """Open a shell if a channel is free that nobody needs."""
        link = next((link for link in self.living() if link.has_room_to_spare), None)
        if link is None:
            return None
        await link.take()
        try:
            return await _open_on(link)
        except BaseException:
            link.give_back()
            raise


class Connections:
    """Every SSH connection of the program. As a context manager it closes them all at the end.

    Args:
        hosts: by name, as in the operations file.
        settings: limits and times.
        failed: called for each unreachable host and each lost connection, with the host's name and a reason.
    """

    def __init__(
        self,
        hosts: Mapping[str, Host],
        settings: ConnectionSettings | None = None,
        failed: Callable[[str, str], None] = lambda host, reason: None,
    ) -> None:
        self._settings = settings or ConnectionSettings()
        self._failed = failed
        self._pools = {name: _Pool(host) for name, host in hosts.items()}
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        making = [pool.making for pool in self._pools.values() if pool.making is not None]
        for task in making:
            task.cancel()
        await asyncio.gather(*making, return_exceptions=True)
        await asyncio.gather(*(pool.spare.aclose() for pool in self._pools.values()))
        links = [link for pool in self._pools.values() for link in pool.links]
        for link in links:
            link.connection.close()
        for link in links:
            # A frozen host does not answer.
            with contextlib.suppress(TimeoutError, asyncssh.Error, OSError):
                async with asyncio.timeout(1):
                    await link.connection.wait_closed()
            link.connection.abort()

    def host(self, name: str) -> Host:
        """Return a host of the operations file.

        Raises:
            RefusedError: `host_unreachable`, there is none of that name (any more).
        """
        return self._pool(name).host

    def _pool(self, name: str) -> _Pool:
        if name not in self._pools:
            raise RefusedError(
                problem(Reason.HOST_UNREACHABLE, host=name, detail="the operations file has no such host")
            )
        return self._pools[name]

    async def read(self, host: str, command: Command, timeout: float, limit: int = 4 * 1024 * 1024) -> ReadResult:  # noqa: ASYNC109 - part of the contract between the rooms
        """Run a short command that only reads; it may have been run twice when a connection was lost.

        The command travels on standard input, so that nothing of it shows in the host's list of processes.

        Args:
            host: its name.
            command: shell text, run by `sh` with an empty standard input.
            timeout: seconds for all of it, connecting included.
            limit: bytes of standard output that are kept.

        Returns:
            The answer. Where the time ran out or the connection was cut, its exit status is None.

        Raises:
            RefusedError: `host_unreachable`, `host_key_changed`, `host_login_refused`.
        """
        return (await self.read_with_key(host, command, timeout, limit))[0]

    async def read_with_key(
        self,
        host: str,
        command: Command,
        timeout: float,  # noqa: ASYNC109 - as of `read`
        limit: int = 4 * 1024 * 1024,
    ) -> tuple[ReadResult, str]:
        """Run a short command as `read` does.

        Returns:
            The answer, and the fingerprint `SHA256:…` of the key with which whoever answered has proven itself; empty
            where nobody did.

        Raises:
            RefusedError: as `read`.
        """
        nonce = secrets.token_hex(8)
        script = f"echo {nonce}\n{{\n{command.script()}\n}} </dev/null\n".encode(errors="surrogateescape")
        try:
            async with asyncio.timeout(timeout):
                # Once more where it never began: a shell that was opened ahead may be dead.
                for _ in range(2):
                    answer = await self._read(host, script, nonce, limit)
                    if answer is not None:
                        return answer
                return ReadResult(None, b"", b"the connection was lost"), ""
        except TimeoutError:
            return ReadResult(None, b"", f"no answer within {timeout:g} s".encode()), ""
        except ConnectionCutError as cut:
            return ReadResult(None, b"", str(cut).encode()), ""

    async def _read(self, host: str, script: bytes, nonce: str, limit: int) -> tuple[ReadResult, str] | None:
        """Run a script whose first line says a nonce; None if a shell was lost before that which was opened ahead."""
        async with self._opened(host) as shell:
            process, key = shell.process, _fingerprint(shell.connection)
            with contextlib.suppress(ConnectionCutError):  # judged below
                send_script(process, script)
            has_begun, noise = await hear(process.stdout, nonce)
            if has_begun:
                (stdout, truncated), (stderr, _) = await run_both(
                    read_bounded(process.stdout, limit), read_bounded(process.stderr, _LONGEST_COMPLAINT)
                )
                await process.wait_closed()
                return ReadResult(process.exit_status, stdout, stderr, truncated), key
            complaint = b""
            with contextlib.suppress(ConnectionCutError):
                complaint, _ = await read_bounded(process.stderr, _LONGEST_COMPLAINT)
            await process.wait_closed()
            if process.exit_status is None and shell.presumed:
                return None
            return ReadResult(process.exit_status, noise, complaint), key

    @contextlib.asynccontextmanager
    async def shell(self, host: str) -> AsyncIterator[asyncssh.SSHClientProcess[bytes]]:
        """Open a channel on which `sh` reads its script from standard input. Nothing has run before it is written.

        Args:
            host: its name.

        Yields:
            The process, in bytes. Leaving closes the channel; what the script detached lives on.

        Raises:
            RefusedError: `host_unreachable`, `host_key_changed`, `host_login_refused`; nothing was started.
        """
        async with self._opened(host) as shell:
            yield shell.process

    def prepare(self, host: str) -> None:
        """Open a shell in the background if there is a connection, for a call that is about to be made.

        Args:
            host: its name.
        """
        pool = self._pools.get(host)
        if pool is not None:
            pool.spare.prepare()

    @contextlib.asynccontextmanager
    async def connection(self, host: str) -> AsyncIterator[asyncssh.SSHClientConnection]:
        """Yield a connection that has just answered, for forwarding.

        Args:
            host: its name.

        Raises:
            RefusedError: `host_unreachable`, `host_key_changed`, `host_login_refused`.
        """
        yield await self._answering(host)

    async def _answering(self, host: str) -> asyncssh.SSHClientConnection:
        """Return a connection on which a channel could be opened: a lost one may not be noticed yet."""
        async with self._opened(host, silence=0) as shell:
            return shell.connection

    @contextlib.asynccontextmanager
    async def _opened(self, host: str, silence: float = FRESH_SECONDS) -> AsyncIterator[OpenShell]:
        pool = self._pool(host)
        try:
            shell = await pool.spare.take(silence) or await self._open(pool)
        except RefusedError as refusal:
            self._failed(host, refusal.problem.reason.value)
            raise
        pool.spare.prepare()
        try:
            yield shell
        except ConnectionCutError:
            self._failed(host, "connection_lost")
            raise
        finally:
            if shell.process.exit_status is not None:
                shell.contact.hear()
            shell.close()

    async def _open(self, pool: _Pool) -> OpenShell:
        try:
            async with asyncio.timeout(self._settings.open_timeout):
                while True:
                    link = await self._free(pool)
                    try:
                        return await self._session(pool, link)
                    except BaseException as error:
                        link.give_back()
                        if not isinstance(error, (asyncssh.Error, OSError)) or isinstance(error, TimeoutError):
                            raise
                        # The connection was lost before anything was started: try the next one.
                        link.connection.abort()
        except TimeoutError as error:
            raise RefusedError(self._unreachable(pool.host, "no channel could be opened in time")) from error

    async def _session(self, pool: _Pool, link: _Link) -> OpenShell:
        while True:
            try:
                return await _open_on(link)
            except asyncssh.ChannelOpenError:
                # The host frees channels late; nothing was started. A lost connection ends the loop.
                if not link.alive:
                    raise
                pool.spare.drop()
                await asyncio.sleep(_OPEN_FAILED_PAUSE)

    async def _free(self, pool: _Pool) -> _Link:
        """Return a connection with a channel reserved: an open one, else a new one, else wait."""
        links = pool.living()
        for link in links:
            if link.has_room:
                await link.take()
                return link
        if len(links) < self._settings.connections:
            link = await self._make(pool)
        else:
            link = min(links, key=lambda each: each.wanted)
        await link.take()
        return link

    async def _make(self, pool: _Pool) -> _Link:
        """Make a connection; concurrent callers share one attempt."""
        if self._closed:
            raise RefusedError(self._unreachable(pool.host, "the program is stopping"))
        if pool.making is None:
            pool.making = asyncio.create_task(self._connect(pool), context=Context())  # it outlives the run
            pool.making.add_done_callback(lambda task: _made(pool, task))
        making = pool.making
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            if making.cancelled() and self._closed:
                raise RefusedError(self._unreachable(pool.host, "the program is stopping")) from None
            raise

    async def _connect(self, pool: _Pool) -> _Link:
        loop = asyncio.get_running_loop()
        wait = pool.next_start - loop.time()
        pool.next_start = max(loop.time(), pool.next_start) + self._settings.pace
        if wait > 0:
            await asyncio.sleep(wait)
        jump = None
        if pool.host.jump is not None:
            self._refuse_circle(pool.host)
            jump = Jump(await self._answering(pool.host.jump))
        connection = await log_in(
            pool.host,
            jump=jump,
            timeout=self._settings.connect_timeout,
            keepalive_interval=self._settings.keepalive_interval,
            keepalive_count=self._settings.keepalive_count,
        )
        link = _Link(connection, self._settings.channels)
        pool.links.append(link)
        return link

    def _refuse_circle(self, host: Host) -> None:
        passed, at = {host.name}, host
        while at.jump is not None:
            at = self._pool(at.jump).host
            if at.name in passed:
                raise RefusedError(self._unreachable(host, "its jumps lead back to itself"))
            passed.add(at.name)

    def _unreachable(self, host: Host, detail: str) -> Problem:
        return problem(
            Reason.HOST_UNREACHABLE, host=host.name, address=host.address, port=str(host.port), detail=detail
        )


def _fingerprint(connection: asyncssh.SSHClientConnection) -> str:
    key = connection.get_server_host_key()
    return str(key.get_fingerprint("sha256")) if key is not None else "unknown"


async def _open_on(link: _Link) -> OpenShell:
    opening: Awaitable[asyncssh.SSHClientProcess[bytes]] = link.connection.create_process(
        "exec sh", encoding=None, stdin=asyncssh.PIPE
    )
    process = await _owned(opening)
    link.contact.hear()
    return OpenShell(link.connection, process, link.contact, link.give_back)


async def _owned(
    opening: Awaitable[asyncssh.SSHClientProcess[bytes]],
) -> asyncssh.SSHClientProcess[bytes]:
    """Wait for a channel; if cancelled, close it as soon as it is open."""
    task = asyncio.ensure_future(opening)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_close_unwanted)
        raise


def _close_unwanted(task: asyncio.Future[asyncssh.SSHClientProcess[bytes]]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


def _made(pool: _Pool, task: asyncio.Task[_Link]) -> None:
    pool.making = None
    if not task.cancelled():
        task.exception()  # retrieved, because every waiter may have been cancelled
