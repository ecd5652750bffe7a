"""Locks on targets: one a target, by its primary key. Each comes and goes with its record of history."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, insert, select
from sqlalchemy.engine import Connection, RowMapping
from sqlalchemy.exc import IntegrityError

from bot.domain.names import TargetName
from bot.domain.policies.lock import Lock, LockNews
from bot.domain.runs.history import Entry
from bot.store.history import log
from bot.store.schema import locks
from bot.store.sql.driver_errors import is_duplicate
from bot.store.sql.timestamps import from_micros, to_micros
from bot.store.tables import lock_notices


def lock(connection: Connection, wanted: Lock) -> Lock:
    """Lock a target; give the lock that is on it now, which may be an earlier one."""
    values = {
        "app": wanted.target.app,
        "environment": wanted.target.environment,
        "owner": wanted.owner,
        "reason": wanted.reason,
        "since": to_micros(wanted.since),
    }
    try:
        connection.execute(insert(locks).values(**values))
    except IntegrityError as error:
        if not is_duplicate(error):
            raise
        query = select(locks).where(_on(wanted.target)).with_for_update()
        return _from_row(connection.execute(query).mappings().one())
    entry = Entry("", "locked", wanted.owner, {"target": str(wanted.target), "reason": wanted.reason})
    log.append(connection, (entry,), wanted.since)
    return wanted


def unlock(connection: Connection, lock: Lock, user: str, at: datetime, channel: str) -> bool:
    """Remove a lock from its target; False where it is no longer there.

    A notice for its owner, to be posted in `channel`, is added where `user` is another.
    """
    this = and_(_on(lock.target), locks.c.owner == lock.owner, locks.c.since == to_micros(lock.since))
    if connection.execute(delete(locks).where(this)).rowcount != 1:
        return False
    facts = {"target": str(lock.target), "owner": lock.owner, "reason": lock.reason}
    log.append(connection, (Entry("", "unlocked", user, facts),), at)
    if lock.owner != user:
        lock_notices.add(connection, LockNews.TAKEN_OFF, lock, user, channel, at)
    return True


def on_target(connection: Connection, target: TargetName) -> Lock | None:
    """Read the lock on a target."""
    row = connection.execute(select(locks).where(_on(target))).mappings().one_or_none()
    return None if row is None else _from_row(row)


def all_locks(connection: Connection) -> tuple[Lock, ...]:
    """Read all locks, by target."""
    query = select(locks).order_by(locks.c.app, locks.c.environment)
    return tuple(_from_row(row) for row in connection.execute(query).mappings())


def _on(target: TargetName) -> ColumnElement[bool]:
    return and_(locks.c.app == target.app, locks.c.environment == target.environment)


def _from_row(row: RowMapping) -> Lock:
    return Lock(TargetName(row["app"], row["environment"]), row["owner"], row["reason"], from_micros(row["since"]))
