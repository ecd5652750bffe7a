"""Leader leases: work that one process at a time does for all, such as publishing to Slack. One row each."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.engine import Connection

from bot.store.schema import leader_leases
from bot.store.sql.timestamps import database_now, length_micros
from bot.store.sql.upserts import insert_missing


def acquire(connection: Connection, name: str, owner: str, length: timedelta | None) -> bool:
    """Acquire a lease that is free, or renew one's own, by one guarded UPDATE.

    Args:
        connection: in a transaction.
        name: of the work.
        owner: the name of this process.
        length: of the lease; None where this process has the store for itself.

    Returns:
        Whether this process holds it now.
    """
    insert_missing(connection, leader_leases, [{"name": name, "position": 0}])
    free = or_(
        leader_leases.c.owner.is_(None), leader_leases.c.owner == owner, leader_leases.c.lease_until < database_now()
    )
    until = None if length is None else database_now() + length_micros(length)
    held = update(leader_leases).where(leader_leases.c.name == name, free).values(owner=owner, lease_until=until)
    return connection.execute(held).rowcount == 1


def position(connection: Connection, name: str) -> int:
    """Read how far work has come; 0 where the lease was never held."""
    return int(
        connection.execute(select(leader_leases.c.position).where(leader_leases.c.name == name)).scalar_one_or_none()
        or 0
    )


def advance(connection: Connection, name: str, owner: str, position: int) -> bool:
    """Note how far work has come; False where another process holds the lease now."""
    return connection.execute(update(leader_leases).where(_mine(name, owner)).values(position=position)).rowcount == 1


def renew(connection: Connection, name: str, owner: str, length: timedelta | None) -> bool:
    """Renew one's own lease, even one that has run out; False where another process holds it or gave it back since.

    This always changes the row, so that on a cluster it collides with a claim made on another node.
    """
    until = None if length is None else database_now() + length_micros(length)
    renewed = update(leader_leases).where(_mine(name, owner))
    renewed = renewed.values(lease_until=until, position=leader_leases.c.position + 1)
    return connection.execute(renewed).rowcount == 1


def release_owned(connection: Connection, owner: str) -> None:
    """Release every lease of a process."""
    connection.execute(update(leader_leases).where(leader_leases.c.owner == owner).values(owner=None, lease_until=None))


def release_all(connection: Connection) -> None:
    """Release every lease, for a process that has the store for itself."""
    connection.execute(update(leader_leases).values(owner=None, lease_until=None))


def _mine(name: str, owner: str) -> ColumnElement[bool]:
    return and_(leader_leases.c.name == name, leader_leases.c.owner == owner)
