"""Cancellations requested on the console, stored until the bot has carried them out."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from bot.domain.runs.history import Entry
from bot.domain.runs.run import Run
from bot.engine.run_changes import CancelRequest
from bot.store.history import log
from bot.store.runs.queries import run_by_id
from bot.store.schema import cancel_requests
from bot.store.sql.driver_errors import is_duplicate
from bot.store.sql.timestamps import from_micros, to_micros


def ask(connection: Connection, run: str, actor: str, at: datetime) -> Run | None:
    """Request that a run is cancelled, with a record of history; repeating it changes nothing.

    Returns:
        The run as it is, for which nothing is requested where it has ended; None where there is none.
    """
    found = run_by_id(connection, run)
    if found is None or found.ended:
        return found
    try:
        connection.execute(insert(cancel_requests).values(run=run, actor=actor, at=to_micros(at)))
    except IntegrityError as error:
        if not is_duplicate(error):
            raise
        return found
    log.append(connection, (Entry(run, "cancel_asked", actor, {"state": found.state.value}),), at)
    return found


def waiting(connection: Connection) -> tuple[CancelRequest, ...]:
    """Read the requests that are not carried out yet, oldest first."""
    query = select(cancel_requests).order_by(cancel_requests.c.at, cancel_requests.c.run)
    return tuple(
        CancelRequest(row["run"], row["actor"], from_micros(row["at"])) for row in connection.execute(query).mappings()
    )


def remove(connection: Connection, cancel_request: CancelRequest) -> None:
    """Remove a request that was carried out."""
    this = (cancel_requests.c.run == cancel_request.run) & (cancel_requests.c.at == to_micros(cancel_request.at))
    connection.execute(delete(cancel_requests).where(this))
