"""A Python module of this project as a process, known to be ready by a line that it prints."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import bot
from bot.demo.errors import DemoError
from bot.demo.processes.polling import until
from bot.demo.processes.process import Process

_POLL = 0.03
_SOURCE = Path(bot.__file__).parents[1]


class PythonModule:
    """A module, run as `python -m NAME …`, that prints a line when it is ready.

    Args:
        words: the module's name and its arguments.
        log: a file of its own, for what it prints.
        home: its HOME.
        is_ready: whether a printed line reports readiness.
        variables: further variables; nothing of this process's environment is passed on but the search path.
    """

    def __init__(
        self,
        words: tuple[str, ...],
        log: Path,
        home: Path,
        is_ready: Callable[[str], bool],
        variables: Mapping[str, str] | None = None,
    ) -> None:
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(home),
            "TMPDIR": str(home),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(_SOURCE),
            "PYTHONUNBUFFERED": "1",
            **(variables or {}),
        }
        self._name = " ".join(words[:2])
        self._log = log
        self._is_ready = is_ready
        self._process = Process([sys.executable, "-m", *words], log, environment)

    @property
    def pid(self) -> int:
        """Its process id; 0 before it was started."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process.running

    async def start(self, seconds: float = 30.0) -> str:
        """Start it and wait until it is ready.

        Args:
            seconds: how long at most.

        Returns:
            The line that reported readiness.

        Raises:
            DemoError: it ended, or did not report readiness in time; with the end of its output.
        """
        await self._process.start()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            still = self.running
            for line in self._lines():
                if self._is_ready(line):
                    return line
            if not still:
                raise DemoError(f"python -m {self._name} ended before it was ready:\n{self.log_tail()}")
            await asyncio.sleep(_POLL)
        raise DemoError(f"python -m {self._name} was not ready within {seconds:.0f} s:\n{self.log_tail()}")

    async def gone(self) -> None:
        """Wait until it and everything that it started has ended, however long that takes."""
        await until(lambda: not self.running)

    def signal(self, number: int) -> None:
        """Send it a signal.

        Args:
            number: a signal of the `signal` module.
        """
        self._process.signal(number)

    async def end(self) -> None:
        """Kill it and everything that it started."""
        await self._process.end()

    def log_tail(self) -> str:
        """The last lines that it printed."""
        return self._process.log_tail()

    def _lines(self) -> list[str]:
        try:
            return self._log.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return []
