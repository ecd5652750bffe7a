"""Scheduled backups, each started once however many processes watch the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.domain.names import TargetName
from bot.domain.runs.request import SCHEDULE, Origin, Request, ScheduledBackup
from bot.domain.runs.run import Run
from bot.domain.targets.target import Target
from bot.engine.ports import Clock
from bot.engine.stores import ScheduleClaimStore

GRACE = timedelta(hours=6)
"""Age up to which a firing that was missed while the bot was down is made up for."""

LATE = timedelta(minutes=5)
"""Age from which a firing counts as missed."""

_log = structlog.get_logger()

NextFiring = Callable[[datetime], datetime | None]
"""Gives the first firing at or after an instant."""


class RunStarter(Protocol):
    """Starts the runs of jobs."""

    async def submit_scheduled(self, request: Request) -> Run:
        """Accept a request that a job made without a person to judge; the same event makes one run."""
        ...


def due(next_firing: NextFiring, now: datetime, grace: timedelta) -> datetime | None:
    """Give the latest firing that is due.

    Args:
        next_firing: of the schedule.
        now: with a time zone.
        grace: maximum age of a firing.

    Returns:
        The instant of the latest firing; None where there was none within the grace period.
    """
    latest, after = None, now - grace
    while (at := next_firing(after)) is not None and at <= now:
        latest, after = at, at + timedelta(seconds=1)
    return latest


class Schedule:
    """Starts backups when they are due.

    Args:
        claims: the firings that have happened.
        starter: starts runs.
        clock: the time.
        owner: the name of this process.
        schedules: when each target's backups fire.
        targets: the targets.
    """

    def __init__(
        self,
        claims: ScheduleClaimStore,
        starter: RunStarter,
        clock: Clock,
        owner: str,
        schedules: Mapping[TargetName, NextFiring],
        targets: Mapping[TargetName, Target],
    ) -> None:
        self._claims = claims
        self._starter = starter
        self._clock = clock
        self._owner = owner
        self._schedules = schedules
        self._targets = targets
        self._done: set[tuple[TargetName, datetime]] = set()

    async def tick(self) -> None:
        """Start the backups that are due."""
        now = self._clock.now()
        for name, next_firing in self._schedules.items():
            at = due(next_firing, now, GRACE)
            if at is None or (name, at) in self._done:
                continue
            try:
                await self._fire(name, at, late=now - at > LATE)
            except Exception:
                # It stays due, and the next tick tries again.
                _log.exception("schedule_failed", target=str(name), at=at.isoformat())

    async def _fire(self, name: TargetName, at: datetime, *, late: bool) -> None:
        event = f"{SCHEDULE}:{name.app}:{name.environment}:{at.isoformat()}"
        origin = Origin(SCHEDULE, self._targets[name].channels[0], event)
        request = Request(ScheduledBackup(at, missed=late), name, origin, f"/backup {name.app} {name.environment}")
        # The event creates one run only, so a crash between the run and the claim does no harm.
        run = await self._starter.submit_scheduled(request)
        first = await self._claims.claim(f"backup {name}", at, self._owner)
        self._done.add((name, at))
        if first:
            _log.info("schedule_fired", target=str(name), at=at.isoformat(), run=run.id, late=late)
