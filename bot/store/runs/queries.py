"""Reading runs with their steps and votes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.engine import Connection, RowMapping

from bot.domain.names import TargetName
from bot.domain.runs.request import Action
from bot.domain.runs.run import ENDS, Run, RunState, StepRow, StepState, Vote
from bot.domain.signatures.signature import Signature
from bot.engine.run_changes import RunSummary
from bot.store.rows import run_from_row, signature_from_row, step_from_row, vote_from_row
from bot.store.schema import runs, signatures, steps, votes

UNFINISHED = tuple(sorted(state.value for state in RunState if state not in ENDS))
"""The states of runs that have not ended."""


def run_where(connection: Connection, condition: ColumnElement[bool]) -> Run | None:
    """Read the one run that meets a condition."""
    found = _load(connection, select(runs).where(condition))
    return found[0] if found else None


def run_by_id(connection: Connection, run: str) -> Run | None:
    """Read one run."""
    return run_where(connection, runs.c.id == run)


def existing_run(connection: Connection, run: str) -> Run:
    """Read a run that was just written.

    Raises:
        LookupError: it is not there.
    """
    found = run_by_id(connection, run)
    if found is None:
        raise LookupError(f"run {run} was written and is not there")
    return found


def recent(connection: Connection, limit: int) -> tuple[Run, ...]:
    """Read the latest runs, newest first."""
    return _load(connection, select(runs).order_by(runs.c.sequence.desc()).limit(limit))


def of_target(connection: Connection, app: str, environment: str, limit: int) -> tuple[Run, ...]:
    """Read the latest runs on one target, newest first."""
    on_target = select(runs).where(runs.c.app == app, runs.c.environment == environment)
    return _load(connection, on_target.order_by(runs.c.sequence.desc()).limit(limit))


def unfinished(connection: Connection) -> tuple[RunSummary, ...]:
    """Read how the runs stand that have not ended, oldest first."""
    columns = (runs.c.id, runs.c.state, runs.c.revision, runs.c.cancelled_by)
    query = select(*columns).where(runs.c.state.in_(UNFINISHED)).order_by(runs.c.sequence)
    return tuple(RunSummary(run, RunState(state), *others) for run, state, *others in connection.execute(query))


def awaiting_late_approval(connection: Connection) -> tuple[str, ...]:
    """Name the runs that are still to be countersigned after an emergency, oldest first."""
    query = select(runs.c.id).where(runs.c.owes == 1).order_by(runs.c.sequence)
    return tuple(connection.execute(query).scalars())


def watched(connection: Connection) -> tuple[str, ...]:
    """Name the runs after which the target is watched, the one that ends first first."""
    query = select(runs.c.id).where(runs.c.watched_until.is_not(None)).order_by(runs.c.watched_until)
    return tuple(connection.execute(query).scalars())


def runs_awaiting_late_approval(connection: Connection) -> tuple[Run, ...]:
    """Read the runs that are still to be countersigned after an emergency, oldest first."""
    return _load(connection, select(runs).where(runs.c.owes == 1).order_by(runs.c.sequence))


def unfinished_runs(connection: Connection) -> tuple[Run, ...]:
    """Read the runs that have not ended, oldest first."""
    return _load(connection, select(runs).where(runs.c.state.in_(UNFINISHED)).order_by(runs.c.sequence))


def latest_changes(
    connection: Connection, target: TargetName, actions: frozenset[Action], limit: int
) -> tuple[Run, ...]:
    """Read the latest ended runs of a target that began to change it, newest first, with their steps."""
    query = select(runs).where(
        runs.c.app == target.app,
        runs.c.environment == target.environment,
        runs.c.action.in_(sorted(action.value for action in actions)),
        runs.c.change_started_at.is_not(None),
        runs.c.ended_at.is_not(None),
    )
    return _load(connection, query.order_by(runs.c.change_started_at.desc()).limit(limit))


def step_seconds(connection: Connection, app: str, environment: str, key: str, limit: int) -> tuple[float, ...]:
    """Read how long the latest done attempts of a step took on a target, newest first."""
    query = (
        select(steps.c.started_at, steps.c.ended_at)
        .where(
            steps.c.app == app,
            steps.c.environment == environment,
            steps.c.step == key,
            steps.c.state == StepState.DONE.value,
            steps.c.started_at.is_not(None),
            steps.c.ended_at.is_not(None),
        )
        .order_by(steps.c.ended_at.desc(), steps.c.sequence.desc())
        .limit(limit)
    )
    return tuple((ended - started) / 1_000_000 for started, ended in connection.execute(query))


def _load(connection: Connection, query: Select[Any]) -> tuple[Run, ...]:
    rows = connection.execute(query).mappings().all()
    if not rows:
        return ()
    ids = [row["id"] for row in rows]
    steps_of = _steps(connection, ids)
    votes_of = _votes(connection, ids)
    signatures_of = _signatures(connection, ids)
    places = _places_in_queue(connection, rows)
    return tuple(
        run_from_row(
            row,
            latest_attempts(steps_of[row["id"]]),
            tuple(votes_of[row["id"]]),
            places.get(row["id"], 0),
            tuple(signatures_of[row["id"]]),
        )
        for row in rows
    )


def _steps(connection: Connection, ids: Sequence[str]) -> dict[str, list[StepRow]]:
    found: dict[str, list[StepRow]] = defaultdict(list)
    query = select(steps).where(steps.c.run.in_(ids)).order_by(steps.c.sequence)
    for row in connection.execute(query).mappings():
        found[row["run"]].append(step_from_row(row))
    return found


def _votes(connection: Connection, ids: Sequence[str]) -> dict[str, list[Vote]]:
    found: dict[str, list[Vote]] = defaultdict(list)
    query = select(votes).where(votes.c.run.in_(ids)).order_by(votes.c.position)
    for row in connection.execute(query).mappings():
        found[row["run"]].append(vote_from_row(row))
    return found


def _signatures(connection: Connection, ids: Sequence[str]) -> dict[str, list[Signature]]:
    found: dict[str, list[Signature]] = defaultdict(list)
    query = select(signatures).where(signatures.c.run.in_(ids)).order_by(signatures.c.at, signatures.c.sha256)
    for row in connection.execute(query).mappings():
        found[row["run"]].append(signature_from_row(row))
    return found


def _places_in_queue(connection: Connection, rows: Sequence[RowMapping]) -> dict[str, int]:
    if not any(row["state"] == RunState.QUEUED.value for row in rows):
        return {}
    query = (
        select(runs.c.id, runs.c.app, runs.c.environment)
        .where(runs.c.state == RunState.QUEUED.value, runs.c.starts_at.is_(None))
        .order_by(runs.c.sequence)
    )
    places: dict[str, int] = {}
    lengths: dict[tuple[str, str], int] = defaultdict(int)
    for run, app, environment in connection.execute(query):
        lengths[app, environment] += 1
        places[run] = lengths[app, environment]
    return places


def latest_attempts(rows: Sequence[StepRow]) -> tuple[StepRow, ...]:
    """Choose the rows that a run shows.

    Args:
        rows: of one run, in the order in which they were inserted.

    Returns:
        The latest attempt of each step at each place, by position; places in the order in which they first came.
    """
    latest: dict[tuple[str, str], StepRow] = {}
    for row in rows:
        known = latest.get((row.key, row.place))
        if known is None or row.attempt >= known.attempt:
            latest[row.key, row.place] = row
    return tuple(sorted(latest.values(), key=lambda row: row.position))
