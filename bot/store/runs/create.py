"""Creating runs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from bot.domain.runs.history import Entry
from bot.domain.runs.request import Request
from bot.domain.runs.request_json import request_to_json
from bot.domain.runs.run import Run, RunState
from bot.store.history import log
from bot.store.rows import json_text
from bot.store.runs.queries import existing_run, run_where
from bot.store.schema import runs
from bot.store.sql.driver_errors import is_duplicate
from bot.store.sql.timestamps import database_now, to_micros


def create(connection: Connection, run: str, request: Request, at: datetime, entry: Entry) -> Run:
    """Create a run, or give the one that the request's event has created.

    Raises:
        ValueError: another run has this ID.
    """
    known = run_where(connection, runs.c.event == request.origin.event)
    if known is not None:
        return known
    try:
        connection.execute(
            insert(runs).values(
                id=run,
                event=request.origin.event,
                app=request.target.app,
                environment=request.target.environment,
                action=request.action.value,
                request=json_text(request_to_json(request)),
                state=RunState.QUEUED.value,
                facts="{}",
                created_at=to_micros(at),
                revision=1,
                unpublished_since=database_now(),
            )
        )
    except IntegrityError as error:
        if not is_duplicate(error):
            raise
        known = run_where(connection, runs.c.event == request.origin.event)
        if known is None:
            raise ValueError(f"there is another run {run}") from error
        return known
    log.append(connection, (entry,), at)
    return existing_run(connection, run)
