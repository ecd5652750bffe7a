"""Applying changes to runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, assert_never

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine import Connection

from bot.domain.runs.history import Entry
from bot.domain.runs.run import ENDS, LEGAL, Run, RunState, StepRow, Vote
from bot.domain.runs.watching import WatchState
from bot.engine.run_changes import (
    Change,
    ChangePutOff,
    ChangeStarts,
    Chunk,
    FactsAre,
    GateIs,
    MoveTo,
    PlanIs,
    Printed,
    RunLease,
    StepIs,
    StepsAdded,
    StepsAre,
    TailIs,
    VotesAre,
    WaitsUntil,
    WatchIs,
)
from bot.store.history import log
from bot.store.rows import gate_text, json_text, plan_text, problem_text, step_values, texts, vote_values, watching_text
from bot.store.runs import output
from bot.store.runs.leases import free_target, guard_changes, is_latest, note_queue_moved
from bot.store.runs.queries import existing_run
from bot.store.schema import runs, steps, votes
from bot.store.sql.timestamps import to_micros
from bot.store.sql.upserts import put_all

_STEP_KEY = ("run", "step", "place", "attempt")


@dataclass(frozen=True)
class RunRecord:
    """What a driver writes of its run at once.

    Args:
        lease: of the run.
        changes: of it, in order.
        entries: of history.
        at: when that happened.
    """

    lease: RunLease
    changes: tuple[Change, ...]
    entries: tuple[Entry, ...]
    at: datetime


def predecessors(state: RunState) -> tuple[str, ...]:
    """Name the states from which a state may be entered."""
    return tuple(sorted(before.value for before, after in LEGAL.items() if state in after))


def apply(
    connection: Connection, lease: RunLease, changes: tuple[Change, ...], entries: tuple[Entry, ...], at: datetime
) -> Run:
    """Apply changes, append records of history, and read the run.

    Raises:
        LeaseLostError: the lease is no longer the run's latest.
        ValueError: a change of state that is not legal.
    """
    record_together(connection, (RunRecord(lease, changes, entries, at),))
    return existing_run(connection, lease.run)


def record_together(connection: Connection, records: Sequence[RunRecord]) -> list[None]:
    """Apply the changes and append the history of several records, of one run or of many, in few statements.

    Nothing may be committed after an error: it says not whose it is, and each record is to be tried alone.

    Raises:
        LeaseLostError: the lease of one of them is no longer its run's latest.
        ValueError: a change of state that is not legal.
    """
    of_lease: dict[RunLease, list[RunRecord]] = {}
    for record in records:
        of_lease.setdefault(record.lease, []).append(record)
    rows = _Rows(connection)
    for lease in sorted(of_lease, key=lambda lease: lease.run):  # replicas lock the runs in the same order
        guard_changes(connection, lease, sum(1 for record in of_lease[lease] if record.changes))
        run_update = _RunUpdate(connection, lease, rows)
        for record in of_lease[lease]:
            for change in record.changes:
                run_update.apply(change)
    rows.write()
    log.append_all(connection, [(entry, record.at) for record in records for entry in record.entries])
    return [None] * len(records)


@dataclass(frozen=True)
class _Rows:
    """Rows of steps and of their output that are still to be written, each with the ID of its run."""

    connection: Connection
    steps: list[tuple[str, StepRow]] = field(default_factory=list)
    printed: list[tuple[str, Chunk]] = field(default_factory=list)
    tails: list[tuple[str, Chunk]] = field(default_factory=list)

    def write(self) -> None:
        """Write them, with one statement for each table."""
        if self.steps:
            targets = _targets(self.connection, {run for run, _ in self.steps})
            values = [_step_values(run, row, targets[run]) for run, row in self.steps]
            put_all(self.connection, steps, _STEP_KEY, values)
            self.steps.clear()
        output.insert(self.connection, self.printed)
        self.printed.clear()
        output.replace_tails(self.connection, self.tails)
        self.tails.clear()


@dataclass(frozen=True)
class _RunUpdate:
    """Changes of one run, in one transaction whose guard has been passed."""

    connection: Connection
    lease: RunLease
    rows: _Rows

    def apply(self, change: Change) -> None:
        """Make a change; rows of steps and of output are written with those of other changes."""
        match change:
            case MoveTo():
                self._move(change)
            case PlanIs(plan):
                self._set(plan=plan_text(plan))
            case StepsAdded(added):
                self._add_steps(added)
            case StepIs(row):
                self.rows.steps.append((self.lease.run, row))
            case StepsAre(now):
                self.rows.steps.extend((self.lease.run, row) for row in now)
            case GateIs(gate):
                self._set(gate=gate_text(gate), owes=int(gate.owed))
            case VotesAre(given):
                self._replace_votes(given)
            case ChangeStarts(at):
                self._set(change_started_at=func.coalesce(runs.c.change_started_at, to_micros(at)))
            case ChangePutOff():
                self._set(change_started_at=None)
            case WaitsUntil(at):
                self._set(starts_at=to_micros(at))
                self._free_target()
            case WatchIs(watching):
                going = watching.state is WatchState.WATCHING
                self._set(watching=watching_text(watching), watched_until=to_micros(watching.until) if going else None)
            case FactsAre(facts):
                known = self.connection.execute(select(runs.c.facts).where(is_latest(self.lease))).scalar_one()
                self._set(facts=json_text(texts(known) | dict(facts)))
            case Printed(chunk):
                self.rows.printed.append((self.lease.run, chunk))
            case TailIs(chunk):
                self.rows.tails.append((self.lease.run, chunk))
            case _:
                # A change that is dropped in silence is a step that is forgotten.
                assert_never(change)

    def _set(self, **values: Any) -> None:
        self.connection.execute(update(runs).where(is_latest(self.lease)).values(**values))

    def _move(self, move: MoveTo) -> None:
        before = self.connection.execute(
            select(runs.c.state, runs.c.app, runs.c.environment).where(is_latest(self.lease))
        ).one()
        if before.state == move.state.value:
            return
        moved = self.connection.execute(
            update(runs)
            .where(is_latest(self.lease), runs.c.state.in_(predecessors(move.state)))
            .values(
                state=move.state.value,
                problem=problem_text(move.problem),
                nothing_to_do=int(move.nothing_to_do),
                ended_at=to_micros(move.at) if move.state in ENDS else None,
            )
        )
        if moved.rowcount != 1:
            raise ValueError(f"run {self.lease.run} cannot go from {before.state} to {move.state.value}")
        if move.state in ENDS:
            free_target(self.connection, self.lease.run)
        if before.state == RunState.QUEUED.value:
            note_queue_moved(self.connection, before.app, before.environment)

    def _free_target(self) -> None:
        free_target(self.connection, self.lease.run)
        target = self.connection.execute(select(runs.c.app, runs.c.environment).where(is_latest(self.lease))).one()
        note_queue_moved(self.connection, target.app, target.environment)

    def _add_steps(self, rows: tuple[StepRow, ...]) -> None:
        self.rows.write()  # a row that is written before is there, and keeps its place in the order
        run = self.lease.run
        query = select(steps.c.step, steps.c.place, steps.c.attempt).where(steps.c.run == run)
        there = {tuple(row) for row in self.connection.execute(query)}
        new = {(row.key, row.place, row.attempt): row for row in reversed(rows)}
        added = [row for key, row in reversed(new.items()) if key not in there]
        if added:
            target = _targets(self.connection, {run})[run]
            self.connection.execute(insert(steps), [_step_values(run, row, target) for row in added])

    def _replace_votes(self, given: tuple[Vote, ...]) -> None:
        self.connection.execute(delete(votes).where(votes.c.run == self.lease.run))
        if given:
            self.connection.execute(
                insert(votes), [vote_values(self.lease.run, position, vote) for position, vote in enumerate(given)]
            )


def _targets(connection: Connection, of_runs: set[str]) -> dict[str, tuple[str, str]]:
    """Read the app and the environment of runs, by the run's ID."""
    query = select(runs.c.id, runs.c.app, runs.c.environment).where(runs.c.id.in_(sorted(of_runs)))
    return {run: (app, environment) for run, app, environment in connection.execute(query)}


def _step_values(run: str, row: StepRow, target: tuple[str, str]) -> dict[str, Any]:
    app, environment = target
    return {
        "run": run,
        "app": app,
        "environment": environment,
        "step": row.key,
        "place": row.place,
        "attempt": row.attempt,
        **step_values(row),
    }
