"""Starts jobs by the clock.

The timer is kept in memory: what must not be missed, or must happen once however many replicas run, the job itself
claims in the store.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.engine.ports import Clock

SCHEDULES = timedelta(seconds=15)
LOCK_REMINDERS = timedelta(minutes=1)
BACKUP_AGE = timedelta(minutes=5)
CLEANUP = timedelta(hours=6)

Job = Callable[[], Awaitable[None]]
"""A coroutine function; the scheduler does not await what another callable returns."""


class RecurringJobs:
    """Starts jobs at fixed intervals, never a second time while the first is going.

    Args:
        scheduler: started.
        clock: the time.
    """

    def __init__(self, scheduler: AsyncIOScheduler, clock: Clock) -> None:
        self._scheduler = scheduler
        self._clock = clock

    def every(self, interval: timedelta, job: Job, name: str) -> None:
        """Start a job at each interval, the first time after one interval."""
        self._scheduler.add_job(job, "interval", seconds=interval.total_seconds(), id=name)

    def now_and_every(self, interval: timedelta, job: Job, name: str) -> None:
        """Start a job now and at each interval."""
        now, seconds = self._clock.now(), interval.total_seconds()
        # No limit on lateness: a busy start of the bot must not swallow the first time.
        self._scheduler.add_job(job, "interval", seconds=seconds, id=name, next_run_time=now, misfire_grace_time=None)


@asynccontextmanager
async def recurring_jobs(clock: Clock) -> AsyncIterator[RecurringJobs]:
    """Start jobs by the clock until the end of the block.

    Args:
        clock: the time.
    """
    scheduler = AsyncIOScheduler(timezone="UTC")
    scheduler.start()
    try:
        yield RecurringJobs(scheduler, clock)
    finally:
        scheduler.shutdown(wait=False)
