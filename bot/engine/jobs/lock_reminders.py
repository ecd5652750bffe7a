"""Asks the owners of locks once a day whether they are still needed, however many processes watch the clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import structlog

from bot.domain.names import TargetName
from bot.domain.policies.lock import Lock
from bot.domain.targets.target import Target
from bot.engine.ports import Clock

_log = structlog.get_logger()


class Locks(Protocol):
    """Where locks are kept, and what was asked about them."""

    async def every_lock(self) -> tuple[Lock, ...]:
        """Read all locks, by target."""
        ...

    async def ask_about_lock(self, lock: Lock, moment: datetime, channel: str) -> bool:
        """Remember to ask the owner of a lock, in a channel; once for each moment, true for the first who does."""
        ...


class LockReminders:
    """Looks after locks that stand for long.

    Args:
        locks: that there are.
        clock: the time.
        targets: the targets.
    """

    def __init__(self, locks: Locks, clock: Clock, targets: Mapping[TargetName, Target]) -> None:
        self._locks = locks
        self._clock = clock
        self._targets = targets
        self._done: dict[Lock, datetime] = {}

    async def tick(self) -> None:
        """Ask the owners whose day has come."""
        now = self._clock.now()
        migration_report = await self._locks.every_lock()
        self._done = {lock: at for lock, at in self._done.items() if lock in migration_report}
        for lock in migration_report:
            moment, target = lock.reminder_due(now), self._targets.get(lock.target)
            if moment is None or target is None or self._done.get(lock) == moment:
                continue
            first = await self._locks.ask_about_lock(lock, moment, target.channels[0])
            self._done[lock] = moment
            if first:
                _log.info("lock_reminded", target=str(lock.target), by=lock.owner)
