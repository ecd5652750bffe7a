"""The inbox: events recorded before they are acknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.engine import Connection

from bot.domain.inbox import Event, EventKind
from bot.store.instants import database_now
from bot.store.schema import commits, inbox
from bot.store.upserts import insert_missing

LONGEST_EVENT_ID = 255
"""Characters."""

_MARKERS_KEPT = 24 * 60 * 60 * 1_000_000
"""Microseconds for which markers of commits are kept; they are asked for within seconds."""


@dataclass(frozen=True)
class Delivery:
    """One delivery of an event.

    Args:
        event: what came.
        receipt: the delivery's own mark, by which it knows whether it was the first.
        at: when, microseconds since 1970 in UTC.
    """

    event: Event
    receipt: str
    at: int


def receive(connection: Connection, deliveries: Sequence[Delivery]) -> list[bool]:
    """Record events; for each delivery, say whether it was its event's first."""
    insert_missing(
        connection,
        inbox,
        [
            {
                "event": delivery.event.id,
                "kind": delivery.event.kind.value,
                "body": delivery.event.body,
                "receipt": delivery.receipt,
                "received_at": delivery.at,
            }
            for delivery in deliveries
        ],
    )
    query = select(inbox.c.event, inbox.c.receipt).where(
        inbox.c.event.in_([delivery.event.id for delivery in deliveries])
    )
    receipts = {row.event: row.receipt for row in connection.execute(query)}
    return [receipts.get(delivery.event.id) == delivery.receipt for delivery in deliveries]


def waiting(connection: Connection, limit: int) -> tuple[Event, ...]:
    """Read events that were not settled, oldest first."""
    query = (
        select(inbox.c.event, inbox.c.kind, inbox.c.body)
        .where(inbox.c.settled_at.is_(None))
        .order_by(inbox.c.sequence)
        .limit(limit)
    )
    return tuple(Event(event, EventKind(kind), body) for event, kind, body in connection.execute(query))


def settle(connection: Connection, events: Sequence[str]) -> list[None]:
    """Note that events have had their effect."""
    connection.execute(
        update(inbox).where(inbox.c.event.in_(events), inbox.c.settled_at.is_(None)).values(settled_at=database_now())
    )
    return [None] * len(events)


def prune(connection: Connection, before: int) -> int:
    """Forget events that were settled before an instant (microseconds); gives how many."""
    connection.execute(delete(commits).where(commits.c.at < database_now() - _MARKERS_KEPT))
    return connection.execute(delete(inbox).where(inbox.c.settled_at < before)).rowcount
