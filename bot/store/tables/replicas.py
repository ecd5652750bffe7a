"""Which processes share the store: each announces itself while it lives, as a lease on its own name."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, and_, delete, func, select
from sqlalchemy.engine import Connection

from bot.store.lease import ProcessLease
from bot.store.schema import leader_leases
from bot.store.sql.timestamps import database_now, length_micros
from bot.store.sql.upserts import put

_PREFIX = "replica "
_MAX_NAME = 100
_REMEMBERED = timedelta(hours=1)


def announce(connection: Connection, process_lease: ProcessLease) -> int:
    """Note that this process lives, until its lease runs out; count the others that do.

    Args:
        connection: in a transaction.
        process_lease: of this process, which shares the store.
    """
    now = database_now()
    until = now + length_micros(process_lease.lease or timedelta())
    put(
        connection,
        leader_leases,
        {"name": _name(process_lease.owner), "owner": process_lease.owner, "lease_until": until, "position": 0},
    )
    others = _others(process_lease.owner)
    connection.execute(
        delete(leader_leases).where(others, leader_leases.c.lease_until < now - length_micros(_REMEMBERED))
    )
    living = select(func.count()).where(others, leader_leases.c.lease_until > now)
    return int(connection.execute(living).scalar_one())


def leave(connection: Connection, owner: str) -> None:
    """Note that a process ends."""
    connection.execute(delete(leader_leases).where(leader_leases.c.name == _name(owner)))


def _name(owner: str) -> str:
    # The end of an owner's name is what no other has.
    return _PREFIX + owner[-(_MAX_NAME - len(_PREFIX)) :]


def _others(owner: str) -> ColumnElement[bool]:
    return and_(leader_leases.c.name.startswith(_PREFIX), leader_leases.c.name != _name(owner))
