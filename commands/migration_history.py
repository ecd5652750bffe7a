"""When migrations last went from not run to run, from the history of a target's runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.domain.backups.backup import BackupInfo
from bot.domain.runs.acts import Dump, Load, Swap
from bot.domain.runs.aftermath import MigrationProgress, aftermath_of
from bot.domain.runs.decisions import schema_begun
from bot.domain.runs.findings import BackupToRestore, first_of
from bot.domain.runs.plan import Plan
from bot.domain.runs.request import Decision
from bot.domain.runs.run import Run, RunState, StepState, step_state

State = Mapping[str, bool | None]
"""For each migration whether it has run; None if unknown."""

CONTINUING = frozenset({Decision.RETRY, Decision.MARK_DONE, Decision.LIFT, Decision.GO_ON})
"""Decisions that continue with the steps of the stopped run."""

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class BeforeRun:
    """The time before a run changed which migrations have run, and after the run that did so before it.

    Args:
        run: that ended this time.
        since: when it began; None if no earlier run is known.
        until: when the run began to change the target.
        state: which migrations had run.
    """

    run: Run
    since: datetime | None
    until: datetime
    state: State


def last_time_without(undo: Iterable[str], runs: Iterable[Run], backups: Mapping[str, BackupInfo]) -> BeforeRun | None:
    """Find the last time at which none of some migrations had run, and all the others had that have run now.

    Migrations run, are undone, and come and go with restored backups; only the last of these times counts.

    Args:
        undo: the migrations, which have run now.
        runs: the runs on the target, in any order.
        backups: those that still exist, by ID.

    Returns:
        None if there was none, or the runs say that one of them has not run now.
    """
    times, now = _replay(tuple(runs), backups)
    going = frozenset(undo)
    if any(now.get(name, False) is False for name in going):
        return None
    staying = {name for name, has_run in now.items() if has_run is True} - going
    for time in reversed(times):
        if all(time.state[name] is False for name in going):
            return time if all(time.state[name] is True for name in staying) else None
    return None


def _replay(runs: tuple[Run, ...], backups: Mapping[str, BackupInfo]) -> tuple[list[BeforeRun], State]:
    """Give the times between changes, oldest first, and the state after the last one."""
    changes = sorted(
        ((run.change_started_at, run.sequence, run, run.plan) for run in runs if run.change_started_at and run.plan),
        key=lambda change: change[:2],
    )
    state: State = _initial(plan for *_, plan in changes)
    since: datetime | None = None
    times: list[BeforeRun] = []
    for until, _, run, plan in changes:
        if not plan.migrations and not _restores_all(plan):
            continue
        continues = run.request.resumes is not None and run.request.resumes.decision in CONTINUING
        if not continues:
            if any(state[name] is not False for name in plan.pending):
                # Undone by other means, at an unknown time: only what the run itself made is certain.
                since = until
                state = {**state, **dict.fromkeys(plan.pending, False)}
            times.append(BeforeRun(run, since, until, state))
        took = _restored(run, plan) if plan.restores else False
        match took:
            case True:
                after = _after_restore(plan, state, times, runs, backups)
            case None:
                after = dict.fromkeys(state)
            case _:
                after = _after_migrations(run, plan, state) if not plan.restores else state
        if after != state or took is not False:
            since = run.ended_at or _NEVER
        state = after
    return times, state


def _initial(plans: Iterable[Plan]) -> State:
    """Give the state before all runs: what was to run had not run, what was to be undone had."""
    state: dict[str, bool | None] = {}
    for plan in plans:
        for name in plan.migrations:
            state.setdefault(name, not plan.pending)
    return state


def _restores_all(plan: Plan) -> bool:
    """Whether it restores a backup of the whole database; chosen tables leave the migrations as they are."""
    restored = first_of(BackupToRestore, plan.findings)
    return plan.restores and not (restored is not None and restored.tables)


def _after_migrations(run: Run, plan: Plan, state: State) -> State:
    """Give the state after a run that ran or undid migrations."""
    after, has_run = dict(state), bool(plan.pending)
    for name, took in _outcomes(run, plan).items():
        if took is not False:
            after[name] = has_run if took else None
    return after


def _outcomes(run: Run, plan: Plan) -> dict[str, bool | None]:
    """Say for each migration of a run whether it took effect; None if unknown."""
    if run.state is RunState.SUCCEEDED:
        return dict.fromkeys(plan.migrations, True)
    found = aftermath_of(run.facts)
    if found is not None:
        known = {MigrationProgress.DONE: True, MigrationProgress.NOT: False}
        progress = {outcome.name: known.get(outcome.progress) for outcome in found}
        return {name: progress.get(name) for name in plan.migrations}
    if not schema_begun(run):
        return dict.fromkeys(plan.migrations, False)
    states = {step_state(run.rows(step.key)) for step in plan.steps if step.schema and run.rows(step.key)}
    return dict.fromkeys(plan.migrations, True if states == {StepState.DONE} else None)


def _restored(run: Run, plan: Plan) -> bool | None:
    """Say whether a run that restores a backup put it in place; None if unknown."""
    if run.state is RunState.SUCCEEDED:
        return True
    rows = tuple(row for step in plan.steps if isinstance(step.act, Swap) for row in run.rows(step.key))
    state = step_state(rows) if rows else StepState.PENDING
    if state in {StepState.PENDING, StepState.SKIPPED, StepState.FAILED}:
        # A swap that fails has put everything back.
        return False
    return True if state is StepState.DONE else None


def _after_restore(
    plan: Plan,
    state: State,
    times: list[BeforeRun],
    runs: tuple[Run, ...],
    backups: Mapping[str, BackupInfo],
) -> State:
    """Give the state after a run that restored a backup."""
    unknown: State = dict.fromkeys(state)
    restored = next(step.act.backup for step in plan.steps if isinstance(step.act, Load))
    backup = backups.get(restored)
    if backup is not None and backup.migrations is not None:
        return {name: name in backup.migrations for name in state}
    made = next((run for run in runs if run.plan is not None and _makes(run.plan, restored)), None)
    at = _made_at(plan) if made is None else made.change_started_at or made.created_at
    known = unknown if at is None else _state_at(at, times, runs, unknown)
    return {**known, **dict.fromkeys(plan.undo, False)}


def _makes(plan: Plan, backup: str) -> bool:
    return any(isinstance(step.act, Dump) and step.act.backup == backup for step in plan.steps)


def _made_at(plan: Plan) -> datetime | None:
    """Give when the restored backup was made; None if the plan does not say."""
    restored = first_of(BackupToRestore, plan.findings)
    return restored.made_at if restored is not None else None


def _state_at(at: datetime, times: list[BeforeRun], runs: tuple[Run, ...], unknown: State) -> State:
    """Give the state at an instant before the run that the last time belongs to."""
    if at < min(run.created_at for run in runs):
        return unknown
    time = next((time for time in times if at <= time.until), None)
    if time is None or (time.since is not None and at < time.since):
        return unknown
    return time.state
