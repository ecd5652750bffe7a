"""A new connection to Slack: events of reactions may have been missed, so the reactions are read again."""

from __future__ import annotations

import asyncio
import logging

from bot.background import RepeatedWork
from bot.slack.ports import EngineApi

_log = logging.getLogger(__name__)

_AT_ONCE = 10
"""Requests to approve that are read again at once; the others follow one by one, to leave calls for votes."""

_PAUSE_SECONDS = 3.0
_NEVER_SECONDS = 1e9


class ReconnectHandler:
    """Wakes every run that waits for approval.

    Args:
        engine: the engine.
    """

    def __init__(self, engine: EngineApi) -> None:
        self._engine = engine
        self._waking = RepeatedWork("wake-awaiting", self._wake_awaiting, interval=_NEVER_SECONDS, failed=_unreadable)
        self._waking.start()

    def __call__(self) -> None:
        """Have the reactions read again; returns at once."""
        self._waking.wake()

    async def aclose(self) -> None:
        """Cancel what is going on."""
        await self._waking.aclose()

    async def _wake_awaiting(self) -> None:
        for number, run in enumerate(await self._engine.awaiting()):
            if number >= _AT_ONCE:
                await asyncio.sleep(_PAUSE_SECONDS)
            self._engine.wake(run)


def _unreadable(error: Exception, failures: int) -> float:
    _log.error("cannot read which runs wait for approval", exc_info=error, extra={"times": failures})
    return _PAUSE_SECONDS
