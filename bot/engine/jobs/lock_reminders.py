"""Asking the owners of locks once a day whether they are still needed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import structlog

from bot.domain.names import TargetName
from bot.domain.policies.lock import Lock
from bot.domain.targets.target import Target
from bot.engine.ports import Clock
from bot.engine.stores import LockNoticeStore, LockStore

_log = structlog.get_logger()


class LockReminders:
    """Adds a notice for the owner of each lock once a day.

    Args:
        locks: on targets.
        notices: for the owners of locks.
        clock: the time.
        targets: the targets.
    """

    def __init__(
        self, locks: LockStore, notices: LockNoticeStore, clock: Clock, targets: Mapping[TargetName, Target]
    ) -> None:
        self._locks = locks
        self._notices = notices
        self._clock = clock
        self._targets = targets
        self._done: dict[Lock, datetime] = {}

    async def tick(self) -> None:
        """Add the notices that are due."""
        now = self._clock.now()
        locks = await self._locks.all()
        self._done = {lock: at for lock, at in self._done.items() if lock in locks}
        for lock in locks:
            moment, target = lock.reminder_due(now), self._targets.get(lock.target)
            if moment is None or target is None or self._done.get(lock) == moment:
                continue
            first = await self._notices.ask_about(lock, moment, target.channels[0])
            self._done[lock] = moment
            if first:
                _log.info("lock_reminded", target=str(lock.target), by=lock.owner)
