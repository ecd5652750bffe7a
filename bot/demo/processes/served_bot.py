"""The real bot as a process, `python -m bot serve`, started again whenever it ends: what systemd would do."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.demo.errors import DemoError
from bot.demo.processes.python_module import PythonModule

RESTART_SECONDS = 2.0
"""How long the bot stays away after its end."""


class ServedBot:
    """The bot. As a context manager it is started, kept running, and ended.

    Args:
        folder: its own folder, for its HOME and the output of each start.
        env_file: the `.env` that it reads.
        report: reports that it ended and that it is back.
    """

    def __init__(self, folder: Path, env_file: Path, report: Callable[[str], None]) -> None:
        self._folder = folder
        self._env_file = env_file
        self._report = report
        self._numbers = itertools.count(1)
        self._module: PythonModule | None = None
        self._keeping: asyncio.Task[None] | None = None
        self.starts = 0
        """How often it was ready."""

    @property
    def running(self) -> bool:
        """Whether there is a process of it."""
        return self._module is not None and self._module.running

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._end()
            raise
        self._keeping = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeping
        await self._end()

    def kill(self) -> int:
        """Kill it as `kill -9` does; it is started again after `RESTART_SECONDS`.

        Returns:
            The process id that it had; 0 if it was not there.
        """
        if self._module is None or not self._module.running:
            return 0
        self._module.signal(signal.SIGKILL)
        return self._module.pid

    def stop(self) -> None:
        """Ask it to end in good order, as an operator does to let it read its files anew; it is started again.

        Raises:
            DemoError: it is not there.
        """
        if self._module is None or not self._module.running:
            raise DemoError("The bot is not there just now.")
        self._module.signal(signal.SIGTERM)

    def log_tail(self) -> str:
        """The last lines of its log."""
        return self._module.log_tail() if self._module is not None else ""

    async def _start(self) -> None:
        self._module = PythonModule(
            ("bot", "serve", "--env", str(self._env_file)),
            self._folder / f"bot-{next(self._numbers)}.log",
            self._folder,
            lambda line: line == "ready",
        )
        await self._module.start()
        self.starts += 1

    async def _keep(self) -> None:
        while True:
            if self._module is not None:
                await self._module.gone()
            self._report(f"The bot ended. It is started again in {RESTART_SECONDS:.0f} seconds.")
            await asyncio.sleep(RESTART_SECONDS)
            try:
                await self._start()
            except DemoError as error:
                self._report(f"The bot did not start: {error}")
                await self._end()
            else:
                self._report("The bot is back, and has picked up what it was doing.")

    async def _end(self) -> None:
        if self._module is not None:
            await self._module.end()
