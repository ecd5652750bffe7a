"""Waits for metadata locks: which may be ended, which are overdue, and which sessions may block them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.domain.targets.look import Session

_CHANGES_SCHEMA = re.compile(
    r"(?>\s|/\*(?!M?!).*?\*/|--\s[^\n]*|\#[^\n]*)*+(?:ALTER|CREATE|DROP|RENAME|TRUNCATE)\b", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True)
class LockWait:
    """A session that waits for a metadata lock.

    Args:
        session: the server's number of the session.
        query: the server's number of the statement; None where the server gives none (MySQL).
        user: whose session it is.
        database: its current database; None where it has none.
        statement: the beginning of what waits.
    """

    session: int
    query: int | None
    user: str
    database: str | None
    statement: str


WaitingSince = Mapping[LockWait, float]
"""When each was first seen waiting, on a clock that only goes forward; seconds."""


def endable(waits: Iterable[LockWait], user: str, database: str) -> tuple[LockWait, ...]:
    """Return the waits that may be ended while a migration runs.

    Queries of the application have the migration's user too, and queue behind its ALTER: only statements that change
    a schema are chosen.

    Args:
        waits: every wait that can be seen.
        user: whose sessions.
        database: in which database.
    """
    return tuple(
        wait
        for wait in waits
        if (wait.user, wait.database) == (user, database) and _CHANGES_SCHEMA.match(wait.statement)
    )


def still_waiting(before: WaitingSince, waits: Iterable[LockWait], now: float) -> WaitingSince:
    """Update since when each waits, and drop those that no longer wait.

    The server's own figure counts from the beginning of the statement, which is too early for an ALTER that rebuilt a
    table for an hour and only then waits.

    Args:
        before: as of the look before.
        waits: as of now.
        now: on the clock of `before`.
    """
    return {wait: before.get(wait, now) for wait in waits}


def overdue(since: WaitingSince, now: float, patience: float) -> tuple[LockWait, ...]:
    """Return the waits that have lasted for the whole patience.

    Args:
        since: as of now.
        now: on the clock of `since`.
        patience: seconds.
    """
    return tuple(wait for wait, first_seen in since.items() if now - first_seen >= patience)


def suspects(sessions: Iterable[Session]) -> tuple[Session, ...]:
    """Return the sessions that may hold the lock, the longest open first.

    A server does not tell everybody who holds a metadata lock. It is held to the end of a transaction; who waits for
    one is queued and not in the way.

    Args:
        sessions: transactions open for as long as the wait at least, and waits.
    """
    return tuple(sorted((one for one in sessions if not one.waits), key=lambda one: -one.seconds))
