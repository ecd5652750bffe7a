"""The migration report: the state just read of a target, with its past runs."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.runs.acts import Dump
from bot.domain.runs.aftermath import MigrationProgress, aftermath_of
from bot.domain.runs.findings import facts_of
from bot.domain.runs.request import Action
from bot.domain.runs.run import BEFORE_CHANGE, Run, RunState, StepState
from bot.domain.targets.migration_report import MigrationReport, MigrationStatus, PastRun
from bot.domain.targets.outage import Outage, outage_of
from bot.domain.targets.overview import CHANGING, TargetOverview
from bot.domain.targets.snapshot import TargetSnapshot, TargetState

SEARCHED_RUNS = 100
"""Latest runs of a target that are searched for its last deploy and backup."""


def migration_report_of(status: MigrationStatus, runs: tuple[Run, ...], now: datetime) -> MigrationReport:
    """Combine the state of migrations with the target's past runs.

    Args:
        status: as just read.
        runs: the latest runs on the target, newest first.
        now: when it was read, with a time zone.
    """
    deploys = [run for run in runs if run.request.action is Action.DEPLOY and run.change_started_at is not None]
    live = (run for run in deploys if run.state is RunState.SUCCEEDED and _sha(run) == status.head)
    return MigrationReport(
        status=status,
        last_deploy=next((past for past in map(_past, deploys) if past is not None), None),
        live_deploy=next((past for past in map(_past, live) if past is not None), None),
        last_backup=next((past for past in map(_past, filter(_made_backup, runs)) if past is not None), None),
        going=next((run.id for run in runs if not run.ended and run.state is not RunState.QUEUED), ""),
        last_batch=next((_batch_of(run) for run in runs if _applied(run, frozenset(status.last_batch))), None),
        outage=_outage(status, runs, now),
    )


def _outage(status: MigrationStatus, runs: tuple[Run, ...], now: datetime) -> Outage | None:
    """Determine whether the site is down: the hosts were asked just now, and the runs know since when."""
    changing = [run for run in runs if run.request.action in CHANGING and run.change_started_at is not None]
    overview = TargetOverview(
        status.target,
        unfinished=tuple(run for run in reversed(runs) if not run.ended),
        changed=tuple(run for run in changing if run.ended),
    )
    seen = TargetState((status.head,), status.maintenance, unclear=status.maintenance_unknown)
    return outage_of(overview, TargetSnapshot(status.target, now, seen))


_RECENT = timedelta(days=7)


def referred_backups(runs: tuple[Run, ...], now: datetime) -> frozenset[str]:
    """Name the backups that a pending or recent run made or refers to.

    Args:
        runs: the latest runs on the target.
        now: with a time zone.
    """
    recent = [run for run in runs if not run.ended or now - run.created_at < _RECENT]
    dumped = (run.plan.backup for run in recent if run.plan is not None and run.request.action is not Action.BACKUP)
    asked = (run.request.backup for run in recent)
    found = (facts_of(finding) for run in recent if run.plan is not None for finding in run.plan.findings)
    relied = (facts.get("backup") for facts in found)
    return frozenset(name for name in (*dumped, *asked, *relied) if name)


def _past(run: Run) -> PastRun | None:
    if run.ended_at is None or run.state in BEFORE_CHANGE:
        return None
    backup = (run.plan.backup or "") if run.plan is not None and _made_backup(run) else ""
    return PastRun(run.id, run.state, run.ended_at, _sha(run), backup)


def _batch_of(run: Run) -> PastRun:
    """Give the run that applied a batch, at the time when its migrations ended; it may still need a decision."""
    migrates = {step.key for step in run.plan.steps if step.schema} if run.plan is not None else set()
    ended = max((row.ended_at for row in run.steps if row.key in migrates and row.ended_at), default=run.created_at)
    return PastRun(run.id, run.state, ended, _sha(run), "")


def _sha(run: Run) -> str:
    return str(run.plan.sha) if run.plan is not None and run.plan.sha is not None else ""


def _applied(run: Run, names: frozenset[str]) -> bool:
    """Say whether a run applied these migrations; of one that stopped, by what was seen after it."""
    if run.plan is None or not names or not names <= frozenset(run.plan.pending):
        return False
    migrates = {step.key for step in run.plan.steps if step.schema}
    if any(row.key in migrates and row.state is StepState.DONE for row in run.steps):
        return True
    return names <= {fate.name for fate in aftermath_of(run.facts) or () if fate.progress is MigrationProgress.DONE}


def _made_backup(run: Run) -> bool:
    dumps = {step.key for step in run.plan.steps if isinstance(step.act, Dump)} if run.plan is not None else set()
    return any(row.key in dumps and row.state is StepState.DONE for row in run.steps)
