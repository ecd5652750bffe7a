"""Servers and folders of the demonstration that end with their owner, even after SIGKILL."""

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from bot.demo.errors import DemoError
from bot.demo.processes import folder_remover, reaper

_END_SECONDS = 20.0


class Process:
    """A server process under a reaper (see `bot.demo.processes.reaper`).

    It is bound to no event loop: it may be started in one and ended in another.

    Args:
        command: program and arguments.
        log: file that the process's output is appended to.
        environment: the whole environment of the process; None passes this process's own.
    """

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._command = tuple(command)
        self._log = log
        self._environment = environment
        self._reaper: subprocess.Popen[bytes] | None = None
        self._pid = 0

    @property
    def pid(self) -> int:
        """Process id of the server itself (not of its reaper)."""
        return self._pid

    @property
    def running(self) -> bool:
        """Whether the server has not ended."""
        return self._reaper is not None and self._reaper.poll() is None

    async def start(self) -> None:
        """Start the process.

        Raises:
            DemoError: it runs already, or the reaper could not be started.
        """
        if self.running:
            raise DemoError(f"{self._command[0]} runs already; it was not started again")
        await asyncio.to_thread(self._spawn)

    def _spawn(self) -> None:
        self._reaper = subprocess.Popen(  # noqa: S603 - a list, no shell
            [sys.executable, "-I", "-S", reaper.__file__, str(self._log), *self._command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
            start_new_session=True,
        )
        assert self._reaper.stdout is not None  # noqa: S101 - asked for above; for the type checker
        with self._reaper.stdout as first:
            line = first.readline()
        if not line:
            raise DemoError(f"the reaper of {self._command[0]} ended at once; is {sys.executable} whole?")
        self._pid = int(line)

    def signal(self, number: int) -> None:
        """Send the server a signal; nothing happens if it has ended.

        Args:
            number: a signal of the `signal` module.
        """
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, number)

    async def ended(self) -> int:
        """Wait until the server and everything it started has ended.

        Returns:
            Its exit status; the number of the signal that ended it; 0 if it was ended by `end`.

        Raises:
            DemoError: it is still there after 20 seconds.
        """
        if self._reaper is None:
            return 0
        try:
            return await asyncio.to_thread(self._reaper.wait, _END_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise DemoError(f"{self._command[0]} (process {self._pid}) did not end in {_END_SECONDS:.0f} s") from error

    async def end(self) -> None:
        """Kill the server and everything it started, detached processes included, and wait for that."""
        if self._reaper is None:
            return
        if self._reaper.stdin is not None:
            self._reaper.stdin.close()
        await self.ended()
        self._reaper = None

    def log_tail(self) -> str:
        """The last lines of the log, for error messages."""
        with contextlib.suppress(OSError):
            return "\n".join(self._log.read_text(errors="replace").splitlines()[-12:])
        return ""


@contextlib.asynccontextmanager
async def temporary_folder(prefix: str = "countersign-") -> AsyncIterator[Path]:
    """A new folder, readable by its owner alone, that is removed at the end and also if this process is killed.

    Args:
        prefix: beginning of the folder's name. Keep it short: MariaDB's socket lives in it, and a socket's path
            may have 107 bytes.

    Yields:
        The folder, without symbolic links in its path.

    Raises:
        DemoError: at the end, something in it could not be removed.
    """
    folder = await asyncio.to_thread(lambda: Path(tempfile.mkdtemp(prefix=prefix)).resolve())
    sweeping = await asyncio.to_thread(_start_sweeper, folder)
    try:
        yield folder
    finally:
        if sweeping.stdin is not None:
            sweeping.stdin.close()
        if await asyncio.to_thread(sweeping.wait) != 0:
            raise DemoError(f"{folder} could not be removed entirely; remove it by hand")


def _start_sweeper(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - a list, no shell
        [sys.executable, "-I", "-S", folder_remover.__file__, str(folder)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
