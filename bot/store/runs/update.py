"""Applying changes to a run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine import Connection

from bot.domain.runs.history import Entry
from bot.domain.runs.run import ENDS, LEGAL, Run, RunState, StepRow, Vote
from bot.engine.run_changes import (
    Change,
    ChangePutOff,
    ChangeStarts,
    FactsAre,
    GateIs,
    MoveTo,
    PlanIs,
    Printed,
    RunLease,
    StepIs,
    StepsAdded,
    TailIs,
    VotesAre,
)
from bot.store.history import log
from bot.store.rows import gate_text, json_text, plan_text, problem_text, step_values, texts, vote_values
from bot.store.runs import output
from bot.store.runs.leases import free_target, guard, guard_change, is_latest, note_queue_moved
from bot.store.runs.queries import existing_run
from bot.store.schema import runs, steps, votes
from bot.store.sql.timestamps import to_micros


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
    record(connection, lease, changes, entries, at)
    return existing_run(connection, lease.run)


def record(
    connection: Connection, lease: RunLease, changes: tuple[Change, ...], entries: tuple[Entry, ...], at: datetime
) -> None:
    """Apply changes and append records of history.

    Raises:
        LeaseLostError: the lease is no longer the run's latest.
        ValueError: a change of state that is not legal.
    """
    if changes:
        guard_change(connection, lease)
        _RunUpdate(connection, lease).apply(changes)
    else:
        guard(connection, lease)
    log.append(connection, entries, at)


@dataclass(frozen=True)
class _RunUpdate:
    """Changes of one run, in one transaction whose guard has been passed."""

    connection: Connection
    lease: RunLease

    def apply(self, changes: tuple[Change, ...]) -> None:
        for change in changes:
            self._apply(change)

    def _apply(self, change: Change) -> None:
        match change:
            case MoveTo():
                self._move(change)
            case PlanIs(plan):
                self._set(plan=plan_text(plan))
            case StepsAdded(rows):
                self._add_steps(rows)
            case StepIs(row):
                self._put_step(row)
            case GateIs(gate):
                self._set(gate=gate_text(gate), owes=int(gate.owed))
            case VotesAre(given):
                self._replace_votes(given)
            case ChangeStarts(at):
                self._set(change_started_at=func.coalesce(runs.c.change_started_at, to_micros(at)))
            case ChangePutOff():
                self._set(change_started_at=None)
            case FactsAre(facts):
                known = self.connection.execute(select(runs.c.facts).where(is_latest(self.lease))).scalar_one()
                self._set(facts=json_text(texts(known) | dict(facts)))
            case Printed(chunk):
                output.insert(self.connection, self.lease.run, chunk)
            case TailIs(chunk):
                output.replace_tail(self.connection, self.lease.run, chunk)
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

    def _step_is(self, row: StepRow) -> Any:
        return (
            (steps.c.run == self.lease.run)
            & (steps.c.step == row.key)
            & (steps.c.place == row.place)
            & (steps.c.attempt == row.attempt)
        )

    def _put_step(self, row: StepRow) -> None:
        put = self.connection.execute(update(steps).where(self._step_is(row)).values(**step_values(row)))
        if put.rowcount == 0:
            self._insert_steps((row,))

    def _add_steps(self, rows: tuple[StepRow, ...]) -> None:
        query = select(steps.c.step, steps.c.place, steps.c.attempt).where(steps.c.run == self.lease.run)
        there = {tuple(row) for row in self.connection.execute(query)}
        new = {(row.key, row.place, row.attempt): row for row in reversed(rows)}
        self._insert_steps(tuple(row for key, row in reversed(new.items()) if key not in there))

    def _insert_steps(self, rows: tuple[StepRow, ...]) -> None:
        if not rows:
            return
        target = self.connection.execute(select(runs.c.app, runs.c.environment).where(is_latest(self.lease))).one()
        self.connection.execute(
            insert(steps),
            [
                {
                    "run": self.lease.run,
                    "app": target.app,
                    "environment": target.environment,
                    "step": row.key,
                    "place": row.place,
                    "attempt": row.attempt,
                    **step_values(row),
                }
                for row in rows
            ],
        )

    def _replace_votes(self, given: tuple[Vote, ...]) -> None:
        self.connection.execute(delete(votes).where(votes.c.run == self.lease.run))
        if given:
            self.connection.execute(
                insert(votes), [vote_values(self.lease.run, position, vote) for position, vote in enumerate(given)]
            )
