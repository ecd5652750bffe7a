"""Shells opened ahead on a host, so that a step waits neither for a login shell to start nor for a channel."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass, replace

import asyncssh

from bot.hosts.channel import hear

KEPT_SECONDS = 5.0
"""Seconds after which an unused spare shell is closed."""

FRESH_SECONDS = 0.25
"""Seconds for which a host that has said something need not be asked for a sign of life before the next call."""

_FAR_SECONDS = 0.05
"""A host on which opening a shell takes longer is far away: one alone would not be ready in time for the next call."""

_ANSWER_SECONDS = 2.0


@dataclass
class Contact:
    """When something was last heard over a connection.

    Args:
        at: on the event loop's clock.
    """

    at: float

    @property
    def silence(self) -> float:
        """Seconds since then."""
        return asyncio.get_running_loop().time() - self.at

    def hear(self) -> None:
        """Note that it is now."""
        self.at = asyncio.get_running_loop().time()


@dataclass(frozen=True)
class OpenShell:
    """A channel on which `sh` reads a script from standard input.

    Args:
        connection: that it is a channel of.
        process: of the shell.
        contact: of the connection.
        free: frees its place on the connection.
        presumed: whether it was opened ahead and only presumed to live, as its connection had just said something.
    """

    connection: asyncssh.SSHClientConnection
    process: asyncssh.SSHClientProcess[bytes]
    contact: Contact
    free: Callable[[], None]
    presumed: bool = False

    @property
    def is_open(self) -> bool:
        """Whether nothing was heard of its end."""
        return self.process.exit_status is None and not self.process.is_closing()

    def close(self) -> None:
        """Close the channel and free its place."""
        self.process.close()
        self.free()


class SpareShells:
    """Keeps a spare shell of a host open, or two if the host is far away.

    Args:
        open_shell: opens one if there is room for one that may never be needed, else gives None; what it raises
            of SSH and the network means that there is none.
    """

    def __init__(self, open_shell: Callable[[], Awaitable[OpenShell | None]]) -> None:
        self._open_shell = open_shell
        self._spare: deque[asyncio.Task[OpenShell | None]] = deque()
        self._expiries: dict[asyncio.Task[OpenShell | None], asyncio.TimerHandle] = {}
        self._seconds = 0.0

    @property
    def ready(self) -> tuple[OpenShell, ...]:
        """Those that have been opened."""
        shells = (task.result() for task in self._spare if task.done() and not task.cancelled())
        return tuple(shell for shell in shells if shell is not None)

    async def take(self, silence: float) -> OpenShell | None:
        """Return a spare shell that answers, so that nothing is begun on a lost connection; wait for one being opened.

        Args:
            silence: seconds for which the host may have said nothing without being asked for a sign of life.
        """
        while self._spare:
            shell = await self._opened(self._remove(self._spare[0]))
            if shell is None:
                continue
            try:
                if shell.is_open and shell.contact.silence < silence:
                    return replace(shell, presumed=True)
                if shell.is_open and await _answers(shell):
                    return shell
            except BaseException:
                shell.close()
                raise
            shell.close()
        return None

    def prepare(self) -> None:
        """Open in the background what is missing."""
        while len(self._spare) < (2 if self._seconds > _FAR_SECONDS else 1):
            task = asyncio.create_task(self._open(), name="spare shell", context=Context())
            self._spare.append(task)
            task.add_done_callback(self._keep)

    def drop(self) -> None:
        """Close the spare shells, also those that are being opened."""
        for task in tuple(self._spare):
            _close_when_open(self._remove(task))

    async def aclose(self) -> None:
        """Close the spare shells, and wait until that is done."""
        tasks = tuple(self._spare)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.drop()

    def _remove(self, task: asyncio.Task[OpenShell | None]) -> asyncio.Task[OpenShell | None]:
        self._spare.remove(task)
        expiry = self._expiries.pop(task, None)
        if expiry is not None:
            expiry.cancel()
        return task

    async def _opened(self, task: asyncio.Task[OpenShell | None]) -> OpenShell | None:
        try:
            await asyncio.wait({task}, timeout=_ANSWER_SECONDS)
        except asyncio.CancelledError:
            _close_when_open(task)
            raise
        if task.done():
            return None if task.cancelled() else task.result()
        _close_when_open(task)
        return None

    async def _open(self) -> OpenShell | None:
        began = asyncio.get_running_loop().time()
        try:
            shell = await self._open_shell()
        except (asyncssh.Error, OSError):
            return None  # whoever needs a shell opens one, and gets the error
        self._seconds = asyncio.get_running_loop().time() - began
        return shell

    def _keep(self, task: asyncio.Task[OpenShell | None]) -> None:
        """Keep one that was opened for a while, unless somebody waited for it."""
        if task not in self._spare:
            return
        if task.cancelled() or task.exception() is not None or task.result() is None:
            self._remove(task)
            return
        loop = asyncio.get_running_loop()
        self._expiries[task] = loop.call_later(KEPT_SECONDS, lambda: _close_when_open(self._remove(task)))


def _close_when_open(task: asyncio.Task[OpenShell | None]) -> None:
    task.add_done_callback(_close_unwanted)


def _close_unwanted(task: asyncio.Task[OpenShell | None]) -> None:
    shell = None if task.cancelled() or task.exception() is not None else task.result()
    if shell is not None:
        shell.close()


async def _answers(shell: OpenShell) -> bool:
    word = secrets.token_hex(8)
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            shell.process.stdin.write(f"echo {word}\n".encode())
            answered, _ = await hear(shell.process.stdout, word)
    except (asyncssh.Error, OSError, TimeoutError):
        return False
    if answered:
        shell.contact.hear()
    return answered
