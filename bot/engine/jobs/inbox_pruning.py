"""Removing old events of Slack from the inbox."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.engine.ports import Clock

KEEP_EVENTS = timedelta(days=7)
"""Age from which handled events are removed. Slack delivers an event again for far less long."""

_log = structlog.get_logger()


class HandledEvents(Protocol):
    """The inbox, as far as it is pruned."""

    async def prune(self, before: datetime) -> int:
        """Remove handled events that were received before an instant, and count them."""
        ...


class InboxPruning:
    """Removes handled events after a week.

    Args:
        events: the inbox.
        clock: the time.
    """

    def __init__(self, events: HandledEvents, clock: Clock) -> None:
        self._events = events
        self._clock = clock

    async def tick(self) -> None:
        """Remove what is old enough."""
        removed = await self._events.prune(self._clock.now() - KEEP_EVENTS)
        _log.info("inbox_pruned", events=removed)
