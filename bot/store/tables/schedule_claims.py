"""Claims on firings of schedules: each fires once, however many processes watch the clock."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from bot.store.schema import schedule_claims
from bot.store.sql.driver_errors import is_duplicate
from bot.store.sql.timestamps import to_micros


def claim(connection: Connection, schedule: str, fires_at: datetime, owner: str) -> bool:
    """Claim one firing by its unique key; True for the first process that does."""
    try:
        connection.execute(insert(schedule_claims).values(schedule=schedule, fires_at=to_micros(fires_at), owner=owner))
    except IntegrityError as error:
        if not is_duplicate(error):
            raise
        return False
    return True
