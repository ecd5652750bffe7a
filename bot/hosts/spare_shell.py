"""A shell opened ahead on a host, so that a step need not wait for a login shell to start."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass

import asyncssh

KEPT_SECONDS = 5.0
"""Seconds after which an unused spare shell is closed."""

_ANSWER_SECONDS = 2.0
_LONGEST_NOISE = 64 * 1024
"""Bytes that a login shell's start-up files may print."""


@dataclass(frozen=True)
class OpenShell:
    """A channel on which `sh` reads a script from standard input.

    Args:
        connection: that it is a channel of.
        process: of the shell.
        free: frees its place on the connection.
    """

    connection: asyncssh.SSHClientConnection
    process: asyncssh.SSHClientProcess[bytes]
    free: Callable[[], None]

    def close(self) -> None:
        """Close the channel and free its place."""
        self.process.close()
        self.free()


class SpareShell:
    """Keeps at most one spare shell of a host open.

    Args:
        open_shell: opens one if there is room for one that may never be needed, else gives None; what it raises
            of SSH and the network means that there is none.
    """

    def __init__(self, open_shell: Callable[[], Awaitable[OpenShell | None]]) -> None:
        self._open_shell = open_shell
        self._shell: OpenShell | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._opening: asyncio.Task[None] | None = None

    async def take(self) -> OpenShell | None:
        """Return the spare shell if it still answers, so that nothing is begun on a lost connection."""
        shell = self._remove()
        if shell is None:
            return None
        try:
            if await _answers(shell.process):
                return shell
        except BaseException:
            shell.close()
            raise
        shell.close()
        return None

    def prepare(self) -> None:
        """Open one in the background, unless there is one."""
        if self._shell is None and self._opening is None:
            self._opening = asyncio.create_task(self._open(), name="spare shell", context=Context())

    def drop(self) -> None:
        """Close the spare shell, if there is one."""
        shell = self._remove()
        if shell is not None:
            shell.close()

    async def aclose(self) -> None:
        """Close the spare shell, also one that is being opened."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        self.drop()

    def _remove(self) -> OpenShell | None:
        shell, self._shell = self._shell, None
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        return shell

    async def _open(self) -> None:
        try:
            self._shell = await self._open_shell()
        except (asyncssh.Error, OSError):
            return  # whoever needs a shell opens one, and gets the error
        finally:
            self._opening = None
        if self._shell is not None:
            self._expiry = asyncio.get_running_loop().call_later(KEPT_SECONDS, self.drop)


async def _answers(process: asyncssh.SSHClientProcess[bytes]) -> bool:
    nonce = secrets.token_hex(8)
    received = 0
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            process.stdin.write(f"echo {nonce}\n".encode())
            while received < _LONGEST_NOISE:
                line = await process.stdout.readline()
                if not line:
                    return False
                # It may follow other output without a line end.
                if line.endswith(f"{nonce}\n".encode()):
                    return True
                received += len(line)
    except (asyncssh.Error, OSError, TimeoutError):
        return False
    return False
