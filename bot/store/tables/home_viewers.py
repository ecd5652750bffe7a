"""The people who opened the App Home, and the filters that they chose."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.engine import Connection

from bot.domain.targets.dashboard import Viewer
from bot.store.schema import home_viewers
from bot.store.sql.timestamps import from_micros, to_micros
from bot.store.sql.upserts import put


def save(connection: Connection, viewer: Viewer) -> None:
    """Insert or replace one viewer."""
    opened = to_micros(viewer.opened_at)
    put(connection, home_viewers, {"user": viewer.user, "chosen": viewer.chosen, "opened_at": opened})


def opened_since(connection: Connection, since: datetime) -> tuple[Viewer, ...]:
    """Read who opened it since an instant, the latest first."""
    query = select(home_viewers).where(home_viewers.c.opened_at >= to_micros(since))
    rows = connection.execute(query.order_by(home_viewers.c.opened_at.desc(), home_viewers.c.user)).mappings()
    return tuple(Viewer(row["user"], row["chosen"], from_micros(row["opened_at"])) for row in rows)
