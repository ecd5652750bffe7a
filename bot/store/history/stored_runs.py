"""Reading runs together with their records, at one instant, so that the two can be compared."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.engine import Connection

from bot.domain.runs.history import Record
from bot.domain.runs.run import Run
from bot.store.history.log import of_run
from bot.store.runs.queries import run_by_id
from bot.store.schema import history, runs


@dataclass(frozen=True)
class StoredRun:
    """A row of a run, and what the history has of it.

    Args:
        id: of the run.
        sequence: its place among all runs.
        run: None where its row cannot be read.
        records: of this run, in order.
    """

    id: str
    sequence: int
    run: Run | None
    records: tuple[Record, ...]


def stored_runs_after(connection: Connection, sequence: int, limit: int) -> tuple[StoredRun, ...]:
    """Read at most `limit` runs that follow a sequence, in order, each with its records."""
    query = select(runs.c.id, runs.c.sequence).where(runs.c.sequence > sequence).order_by(runs.c.sequence).limit(limit)
    return tuple(
        StoredRun(run, place, _readable(connection, run), of_run(connection, run))
        for run, place in connection.execute(query).all()
    )


def missing_runs(connection: Connection) -> tuple[tuple[str, int], ...]:
    """Name the runs whose request is recorded and that are not there, each with the sequence of that record."""
    query = (
        select(history.c.run, history.c.sequence)
        .outerjoin(runs, runs.c.id == history.c.run)
        .where(history.c.event == "requested", runs.c.id.is_(None))
        .order_by(history.c.sequence)
    )
    return tuple((run, sequence) for run, sequence in connection.execute(query))


def _readable(connection: Connection, run: str) -> Run | None:
    try:
        return run_by_id(connection, run)
    except (ValueError, LookupError, TypeError, AttributeError):
        return None  # somebody else than this program wrote the row
