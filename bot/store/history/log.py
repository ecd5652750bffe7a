"""The history: appending to the chain, reading it, and checking that it holds."""

from __future__ import annotations

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Connection

from bot.domain.runs.history import Entry, Head, Record, chained
from bot.store.rows import record_from_row, record_values
from bot.store.schema import chain, history


def append(connection: Connection, entries: tuple[Entry, ...], at: str) -> None:
    """Append entries, inside the transaction of what they tell about.

    It comes last in its transaction: from here to the commit every other writer of history waits.

    Args:
        connection: in a transaction.
        entries: what happened, in order.
        at: when, RFC 3339 in UTC.
    """
    if not entries:
        return
    head = connection.execute(select(chain.c.sequence, chain.c.hash).where(chain.c.id == 1).with_for_update()).one()
    sequence, before = head
    records = []
    for entry in entries:
        sequence += 1
        record = chained(sequence, at, entry, before)
        before = record.hash
        records.append(record_values(record))
    connection.execute(insert(history), records)
    connection.execute(update(chain).where(chain.c.id == 1).values(sequence=sequence, hash=before))


def records_of_all(connection: Connection) -> tuple[Record, ...]:
    """Read the whole history, in order."""
    query = select(history).order_by(history.c.sequence)
    return tuple(record_from_row(row) for row in connection.execute(query).mappings())


def records_of_run(connection: Connection, run: str) -> tuple[Record, ...]:
    """Read the history of one run, in order."""
    query = select(history).where(history.c.run == run).order_by(history.c.sequence)
    return tuple(record_from_row(row) for row in connection.execute(query).mappings())


def records_after(connection: Connection, after: int, limit: int) -> tuple[Record, ...]:
    """Read the records that follow a sequence, in order."""
    query = select(history).where(history.c.sequence > after).order_by(history.c.sequence).limit(limit)
    return tuple(record_from_row(row) for row in connection.execute(query).mappings())


def head(connection: Connection) -> Head:
    """Read where the history ends, as it was noted apart from its records."""
    found = connection.execute(select(chain.c.sequence, chain.c.hash).where(chain.c.id == 1)).one_or_none()
    return Head(0, "") if found is None else Head(found.sequence, found.hash)


def before(connection: Connection, at: str) -> int:
    """Give the sequence after which the first record of an instant or a later one follows."""
    first = connection.execute(select(func.min(history.c.sequence)).where(history.c.at >= at)).scalar_one()
    last = connection.execute(select(func.max(history.c.sequence))).scalar_one()
    return int(first) - 1 if first is not None else int(last or 0)
