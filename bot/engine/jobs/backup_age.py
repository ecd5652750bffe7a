"""Watching the age of backups: an alert when the newest proven one is too old."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from bot.domain.backups.backup import BackupInfo, newest_proven
from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.names import TargetName
from bot.domain.policies.proven_backup import no_proven_backup
from bot.domain.runs.request import SCHEDULE, Action, Origin, OverdueBackup, Request
from bot.domain.targets.target import Backups, Target
from bot.engine.jobs.schedule import RunStarter
from bot.engine.ports import Clock, TargetReader
from bot.engine.stores import RunStore

_PATIENCE = timedelta(hours=1)
"""Age up to which an unfinished backup run holds the alert back."""

_log = structlog.get_logger()


class OverdueWatch:
    """Alerts when the newest proven backup of a target is older than its `max_age`.

    The alert is a run that fails at once: it has a card and a history like any other, and its event creates it once,
    however many processes watch. It is repeated each time another `max_age` has passed.

    Args:
        starter: starts runs.
        runs: the stored runs.
        target_reader: reads backups.
        clock: the time.
        targets: the targets.
    """

    def __init__(
        self,
        starter: RunStarter,
        runs: RunStore,
        target_reader: TargetReader,
        clock: Clock,
        targets: Mapping[TargetName, Target],
    ) -> None:
        self._starter = starter
        self._runs = runs
        self._target_reader = target_reader
        self._clock = clock
        self._targets = targets

    async def tick(self) -> None:
        """Check every target that has a `max_age`."""
        for name, target in self._targets.items():
            if target.backups is None or target.backups.max_age is None:
                continue
            try:
                await self._check(target, target.backups, target.backups.max_age)
            except RefusedError as refused:
                # The next backup meets the same problem, and reports it.
                _log.warning("backups_not_read", target=str(name), reason=refused.problem.reason.value)
            except Exception:
                _log.exception("overdue_failed", target=str(name))

    async def _check(self, target: Target, backups: Backups, max_age: timedelta) -> None:
        newest = newest_proven(await self._target_reader.look(target).backups())
        now = self._clock.now()
        if newest is not None and now - newest.started <= max_age:
            return
        if await self._is_under_way(target, now):
            return
        await self._starter.submit_scheduled(overdue_request(target, newest, max_age, now))

    async def _is_under_way(self, target: Target, now: datetime) -> bool:
        latest = await self._runs.of_target(target.name.app, target.name.environment, 20)
        return any(
            run.request.action is Action.BACKUP and not run.ended and now - run.created_at < _PATIENCE for run in latest
        )


def overdue_request(target: Target, newest: BackupInfo | None, max_age: timedelta, now: datetime) -> Request:
    """Build the request of an alert.

    Args:
        target: whose backup is too old.
        newest: the newest proven one; None where there is none.
        max_age: maximum age.
        now: with a time zone.

    Returns:
        A request whose event is the same until another `max_age` has passed.
    """
    since = newest.started.timestamp() if newest is not None else 0.0
    periods = int((now.timestamp() - since) // max_age.total_seconds())
    name = target.name
    event = f"overdue:{name.app}:{name.environment}:{newest.backup if newest is not None else ''}:{periods}"
    facts = no_proven_backup(name, newest, max_age).facts
    options = OverdueBackup(facts["within"], facts["backup"], facts["made"])
    origin = Origin(SCHEDULE, target.channels[0], event)
    return Request(options, name, origin, f"/backup {name.app} {name.environment}")


def overdue_problem(request: Request) -> Problem | None:
    """Give the problem that a request of this job reports; None of any other request."""
    name = request.target
    match request.options:
        case OverdueBackup(within, backup, made):
            return problem(
                Reason.NO_PROVEN_BACKUP,
                target=str(name),
                app=name.app,
                environment=name.environment,
                within=within,
                backup=backup,
                made=made,
            )
        case _:
            return None
