"""The inbox: events recorded before they are acknowledged."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.engine import Connection

from bot.domain.inbox import Event, EventKind
from bot.store.lease import ProcessLease
from bot.store.schema import commit_markers, inbox
from bot.store.sql.timestamps import database_now, length_micros
from bot.store.sql.upserts import insert_missing

MAX_EVENT_ID_LENGTH = 255
"""Characters."""

_MARKER_LIFETIME_MICROS = 24 * 60 * 60 * 1_000_000
"""Age from which commit markers are deleted; they are needed for seconds only."""


@dataclass(frozen=True)
class Delivery:
    """One delivery of an event.

    Args:
        event: what came.
        receipt: unique to the delivery, by which it knows whether it was the first.
        at: when, microseconds since 1970 in UTC.
        until: by this process's own clock (`time.monotonic`), when it is too late to record it; None where it never is.
    """

    event: Event
    receipt: str
    at: int
    until: float | None = None

    @property
    def is_late(self) -> bool:
        """Whether it is too late to record it."""
        return self.until is not None and time.monotonic() >= self.until


class LateError(Exception):
    """It became too late for a delivery while it was being recorded."""


def receive(connection: Connection, deliveries: Sequence[Delivery], process_lease: ProcessLease) -> list[bool]:
    """Record events; for each delivery, say whether it was its event's first.

    In a shared store, the process that records an event first also handles it.

    Raises:
        LateError: the database was so slow that it is too late for one of them now; nothing is to be committed.
    """
    received = [delivery for delivery in deliveries if not delivery.is_late]
    first = _record(connection, received, process_lease)
    if any(delivery.is_late for delivery in received):
        raise LateError
    return [delivery.receipt in first for delivery in deliveries]


def _record(connection: Connection, deliveries: Sequence[Delivery], process_lease: ProcessLease) -> frozenset[str]:
    """Record events, and give the receipts of the deliveries that were their events' first."""
    if not deliveries:
        return frozenset()
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
    if process_lease.lease is not None:
        new = and_(
            inbox.c.event.in_([delivery.event.id for delivery in deliveries]),
            inbox.c.receipt.in_([delivery.receipt for delivery in deliveries]),
        )
        connection.execute(update(inbox).where(new).values(**_claim(process_lease)))
    query = select(inbox.c.receipt).where(inbox.c.event.in_([delivery.event.id for delivery in deliveries]))
    return frozenset(connection.execute(query).scalars())


def waiting(connection: Connection, limit: int) -> tuple[Event, ...]:
    """Read unsettled events, oldest first."""
    return _events(connection, inbox.c.settled_at.is_(None), limit)


def waiting_for(connection: Connection, owner: str, limit: int) -> tuple[Event, ...]:
    """Read the unsettled events of a process, oldest first."""
    return _events(connection, and_(inbox.c.settled_at.is_(None), inbox.c.owner == owner), limit)


def latest(connection: Connection, kinds: Sequence[EventKind], limit: int) -> tuple[Event, ...]:
    """Read the latest events of some kinds, settled or not, oldest first."""
    query = (
        select(inbox.c.event, inbox.c.kind, inbox.c.body)
        .where(inbox.c.kind.in_([kind.value for kind in kinds]))
        .order_by(inbox.c.sequence.desc())
        .limit(limit)
    )
    rows = connection.execute(query).all()
    return tuple(Event(event, EventKind(kind), body) for event, kind, body in reversed(rows))


def has_unowned(connection: Connection) -> bool:
    """Say whether there are unsettled events without an owner, or whose lease has run out."""
    return connection.execute(select(inbox.c.sequence).where(_unowned()).limit(1)).first() is not None


def claim_unowned(connection: Connection, process_lease: ProcessLease, limit: int) -> None:
    """Claim the oldest unsettled events without an owner, by one guarded UPDATE."""
    query = select(inbox.c.sequence).where(_unowned()).order_by(inbox.c.sequence).limit(limit)
    found = list(connection.execute(query).scalars())
    if found:
        connection.execute(update(inbox).where(inbox.c.sequence.in_(found), _unowned()).values(**_claim(process_lease)))


def renew(connection: Connection, process_lease: ProcessLease) -> None:
    """Renew the lease on the unsettled events of this process."""
    mine = and_(inbox.c.settled_at.is_(None), inbox.c.owner == process_lease.owner)
    connection.execute(update(inbox).where(mine).values(**_claim(process_lease)))


def release(connection: Connection, owner: str) -> None:
    """Release the unsettled events of a process."""
    mine = and_(inbox.c.settled_at.is_(None), inbox.c.owner == owner)
    connection.execute(update(inbox).where(mine).values(owner=None, lease_until=None))


def _events(connection: Connection, condition: ColumnElement[bool], limit: int) -> tuple[Event, ...]:
    query = select(inbox.c.event, inbox.c.kind, inbox.c.body).where(condition).order_by(inbox.c.sequence).limit(limit)
    return tuple(Event(event, EventKind(kind), body) for event, kind, body in connection.execute(query))


def _unowned() -> ColumnElement[bool]:
    return and_(inbox.c.settled_at.is_(None), or_(inbox.c.owner.is_(None), inbox.c.lease_until < database_now()))


def _claim(process_lease: ProcessLease) -> dict[str, Any]:
    if process_lease.lease is None:
        return {"owner": None, "lease_until": None}
    return {"owner": process_lease.owner, "lease_until": database_now() + length_micros(process_lease.lease)}


def settle(connection: Connection, events: Sequence[str]) -> list[None]:
    """Note that events have had their effect."""
    connection.execute(
        update(inbox).where(inbox.c.event.in_(events), inbox.c.settled_at.is_(None)).values(settled_at=database_now())
    )
    return [None] * len(events)


def prune(connection: Connection, before: int) -> int:
    """Delete the events that were settled before an instant, in microseconds; give how many."""
    connection.execute(delete(commit_markers).where(commit_markers.c.at < database_now() - _MARKER_LIFETIME_MICROS))
    return connection.execute(delete(inbox).where(inbox.c.settled_at < before)).rowcount
