"""Databases that restores leave beside the live one: the replaced data, until somebody drops it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import nearest

_MAX_NAMED = 5


class LeftoverKind(StrEnum):
    """What a leftover contains."""

    REPLACED = "before"
    """The tables that were live before the restore."""
    COPY = "restore"
    """The copy of an unfinished restore; if the swap was interrupted, possibly tables that were live."""


@dataclass(frozen=True)
class Leftover:
    """A database that a restore left beside the live one.

    Args:
        database: its name.
        left: what it contains.
        run: ID of the restore.
        tables: number of tables.
        bytes: size of data and indexes, as estimated by the server.
    """

    database: str
    left: LeftoverKind
    run: str
    tables: int
    bytes: int


def leftovers_of(live: str, database: str, tables: int, size: int) -> Leftover | None:
    """Recognise a leftover by its name.

    Args:
        live: name of the live database.
        database: name of the other one.
        tables: number of tables in the other one.
        size: of the other one, in bytes.

    Returns:
        None if the other database is no leftover of a restore.
    """
    for left in LeftoverKind:
        start = f"{live}_countersign_{left.value}_"
        if database.startswith(start) and database != start:
            return Leftover(database, left, f"R-{database.removeprefix(start).upper()}", tables, size)
    return None


def choose_leftovers(there: Iterable[Leftover], asked: str | None) -> Leftover | None:
    """Choose the leftover to drop.

    Args:
        there: all leftovers of the target.
        asked: name of a database or ID of a restore, as typed; None for the only leftover.

    Returns:
        None if there is no leftover and none was named.

    Raises:
        RefusedError: `unknown_remains`, no leftover has this name, or there are several and none was named.
    """
    known = tuple(there)
    if asked is None and len(known) <= 1:
        return known[0] if known else None
    names = ", ".join(found.database for found in known[:_MAX_NAMED])
    if asked is None:
        raise RefusedError(problem(Reason.UNKNOWN_REMAINS, count=str(len(known)), known=names))
    found = next((one for one in known if asked.lower() in {one.database.lower(), one.run.lower()}), None)
    if found is None:
        near = nearest(asked, (one.database for one in known)) or ""
        raise RefusedError(problem(Reason.UNKNOWN_REMAINS, name=asked, nearest=near, known=names))
    return found
