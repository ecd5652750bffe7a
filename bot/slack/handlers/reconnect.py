"""A new connection to Slack: events of reactions may have been missed, so the reactions are read again."""

from __future__ import annotations

import logging

from bot.background import TaskSet
from bot.slack.ports import EngineApi

_log = logging.getLogger(__name__)


class ReconnectHandler:
    """Wakes every run that waits for approval.

    Args:
        engine: the engine.
    """

    def __init__(self, engine: EngineApi) -> None:
        self._engine = engine
        self._tasks = TaskSet()

    def __call__(self) -> None:
        """Have the reactions read again; returns at once."""
        self._tasks.start(self._wake_awaiting(), "wake-awaiting")

    async def aclose(self) -> None:
        """Cancel what is going on."""
        await self._tasks.aclose()

    async def _wake_awaiting(self) -> None:
        try:
            for run in await self._engine.awaiting():
                self._engine.wake(run)
        except Exception:
            _log.exception("cannot read which runs wait for approval")
