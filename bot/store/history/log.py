"""The history: appending to the hash chain, and reading it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Connection

from bot.domain.runs.history import Entry, Head, Record, chained
from bot.domain.runs.recorded_run import RESULT_EVENTS
from bot.store.rows import record_from_row, record_values
from bot.store.schema import history, history_head
from bot.store.sql.timestamps import rfc3339


def append(connection: Connection, entries: tuple[Entry, ...], at: datetime) -> None:
    """Append entries in the transaction of the change that they record.

    Call it last in its transaction: from here to the commit every other writer of history waits.

    Args:
        connection: in a transaction.
        entries: what happened, in order.
        at: when.
    """
    append_all(connection, [(entry, at) for entry in entries])


def append_all(connection: Connection, entries: Sequence[tuple[Entry, datetime]]) -> None:
    """Append entries as `append` does, each with the instant at which it happened."""
    if not entries:
        return
    end = select(history_head.c.sequence, history_head.c.hash).where(history_head.c.id == 1)
    sequence, previous = connection.execute(end.with_for_update()).one()
    records = []
    for entry, at in entries:
        sequence += 1
        record = chained(sequence, rfc3339(at), entry, previous)
        previous = record.hash
        records.append(record_values(record))
    connection.execute(insert(history), records)
    connection.execute(update(history_head).where(history_head.c.id == 1).values(sequence=sequence, hash=previous))


def all_records(connection: Connection) -> tuple[Record, ...]:
    """Read the whole history, in order."""
    query = select(history).order_by(history.c.sequence)
    return tuple(record_from_row(row) for row in connection.execute(query).mappings())


def of_run(connection: Connection, run: str) -> tuple[Record, ...]:
    """Read the history of one run, in order."""
    query = select(history).where(history.c.run == run).order_by(history.c.sequence)
    return tuple(record_from_row(row) for row in connection.execute(query).mappings())


def page_after(connection: Connection, sequence: int, limit: int) -> tuple[Record, ...]:
    """Read at most `limit` records that follow a sequence, in order."""
    query = select(history).where(history.c.sequence > sequence).order_by(history.c.sequence).limit(limit)
    return tuple(record_from_row(row) for row in connection.execute(query).mappings())


def result_of(connection: Connection, run: str) -> Head | None:
    """Give the first record with which a run ended or stopped for a person; None where there is none yet."""
    query = (
        select(history.c.sequence, history.c.hash)
        .where(history.c.run == run, history.c.event.in_(sorted(RESULT_EVENTS)))
        .order_by(history.c.sequence)
        .limit(1)
    )
    found = connection.execute(query).one_or_none()
    return None if found is None else Head(found.sequence, found.hash)


def head(connection: Connection) -> Head:
    """Read the end of the chain, which is stored apart from the records."""
    found = connection.execute(
        select(history_head.c.sequence, history_head.c.hash).where(history_head.c.id == 1)
    ).one_or_none()
    return Head(0, "") if found is None else Head(found.sequence, found.hash)


def sequence_before(connection: Connection, at: str) -> int:
    """Give the sequence after which the records of an instant (RFC 3339 in UTC) and later begin."""
    first = connection.execute(select(func.min(history.c.sequence)).where(history.c.at >= at)).scalar_one()
    last = connection.execute(select(func.max(history.c.sequence))).scalar_one()
    return int(first) - 1 if first is not None else int(last or 0)
