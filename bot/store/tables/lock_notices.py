"""Notices for the owners of locks, stored until they are posted, so that a crash loses none."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Connection

from bot.domain.names import TargetName
from bot.domain.policies.lock import Lock, LockNews, LockNotice
from bot.store.schema import lock_notices
from bot.store.sql.timestamps import from_micros, to_micros
from bot.store.tables import schedule_claims


def add(connection: Connection, news: LockNews, lock: Lock, by: str, channel: str, at: datetime) -> None:
    """Add a notice for the owner of a lock."""
    connection.execute(
        insert(lock_notices).values(
            news=news.value,
            app=lock.target.app,
            environment=lock.target.environment,
            owner=lock.owner,
            reason=lock.reason,
            since=to_micros(lock.since),
            by=by,
            channel=channel,
            at=to_micros(at),
            intended=0,
        )
    )


def ask_about(connection: Connection, lock: Lock, moment: datetime, channel: str, owner: str) -> bool:
    """Add the question whether a lock is still needed; True for the first process that adds it for a moment."""
    if not schedule_claims.claim(connection, f"lock {lock.target}", moment, owner):
        return False
    add(connection, LockNews.STANDS, lock, "", channel, moment)
    return True


def waiting(connection: Connection) -> tuple[LockNotice, ...]:
    """Read the notices that are not posted yet, oldest first."""
    rows = connection.execute(select(lock_notices).order_by(lock_notices.c.sequence)).mappings()
    return tuple(
        LockNotice(
            row["sequence"],
            LockNews(row["news"]),
            Lock(TargetName(row["app"], row["environment"]), row["owner"], row["reason"], from_micros(row["since"])),
            row["by"],
            row["channel"],
            from_micros(row["at"]),
            bool(row["intended"]),
        )
        for row in rows
    )


def mark_intended(connection: Connection, notice: LockNotice) -> None:
    """Note that Slack is about to be asked to post a notice."""
    this = lock_notices.c.sequence == notice.number
    connection.execute(update(lock_notices).where(this).values(intended=1))


def remove(connection: Connection, notice: LockNotice) -> None:
    """Remove a notice that was posted, or never can be."""
    connection.execute(delete(lock_notices).where(lock_notices.c.sequence == notice.number))
