"""What the owners of locks are still to be told, kept until they were: a bot that is killed tells them later."""

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
    """Remember that the owner of a lock is to be told something."""
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
    """Remember to ask the owner of a lock whether it is still needed; true for the first process at each moment."""
    if not schedule_claims.claim(connection, f"lock {lock.target}", moment, owner):
        return False
    add(connection, LockNews.STANDS, lock, "", channel, moment)
    return True


def waiting(connection: Connection) -> tuple[LockNotice, ...]:
    """Read what is to be told, oldest first."""
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
    """Note that Slack is about to be asked to post it."""
    this = lock_notices.c.sequence == notice.number
    connection.execute(update(lock_notices).where(this).values(intended=1))


def remove(connection: Connection, notice: LockNotice) -> None:
    """Forget it: it was told, or never can be."""
    connection.execute(delete(lock_notices).where(lock_notices.c.sequence == notice.number))
