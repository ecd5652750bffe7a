"""The history: appending to the chain, reading it, and checking that it holds."""

from __future__ import annotations

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from bot.domain.history import Entry, Record, chained, first_break
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


def break_in(connection: Connection) -> int | None:
    """Check the whole history.

    Returns:
        The sequence at which it does not hold, also where its last records are missing; None where it holds.
    """
    records = records_of_all(connection)
    broken = first_break(records)
    if broken is not None:
        return broken
    head = connection.execute(select(chain.c.sequence, chain.c.hash).where(chain.c.id == 1)).one_or_none()
    last = (records[-1].sequence, records[-1].hash) if records else None
    if head is None or (last is not None and tuple(head) != last) or (last is None and head.sequence != 0):
        return len(records) + 1
    return None
