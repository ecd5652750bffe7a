"""Asks the owners of locks once a day whether they are still needed, however many processes watch the clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import structlog

from bot.domain.lock import Lock
from bot.domain.names import TargetName
from bot.domain.target import Target
from bot.engine.ports import Clock

_log = structlog.get_logger()


class Locks(Protocol):
    """Where locks are kept, and what was asked about them."""

    async def every_lock(self) -> tuple[Lock, ...]:
        """Read all locks, by target."""
        ...

    async def claim_firing(self, schedule: str, fires_at: datetime, owner: str) -> bool:
        """Claim one moment; true for the first who does."""
        ...


class Herald(Protocol):
    """Tells people in a channel what belongs to no run."""

    async def lock_stands(self, lock: Lock, channel: str) -> None:
        """Ask the owner of a lock whether it is still needed."""
        ...


class LockReminders:
    """Looks after locks that stand for long.

    Args:
        locks: that there are.
        herald: tells their owners.
        clock: the time.
        owner: the name of this process.
        targets: the targets.
    """

    def __init__(
        self, locks: Locks, herald: Herald, clock: Clock, owner: str, targets: Mapping[TargetName, Target]
    ) -> None:
        self._locks = locks
        self._herald = herald
        self._clock = clock
        self._owner = owner
        self._targets = targets
        self._done: dict[Lock, datetime] = {}

    async def tick(self) -> None:
        """Ask the owners whose day has come."""
        now = self._clock.now()
        standing = await self._locks.every_lock()
        self._done = {lock: at for lock, at in self._done.items() if lock in standing}
        for lock in standing:
            moment, target = lock.reminder_due(now), self._targets.get(lock.target)
            if moment is None or target is None or self._done.get(lock) == moment:
                continue
            # Claimed before it is told: after a crash in between, the owner is asked the next day.
            first = await self._locks.claim_firing(f"lock {lock.target}", moment, self._owner)
            self._done[lock] = moment
            if first:
                await self._herald.lock_stands(lock, target.channels[0])
                _log.info("lock_reminded", target=str(lock.target), by=lock.owner)
