"""What restores left beside a live database: the data that they replaced, kept until somebody drops it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import nearest

_MAX_NAMED = 5


class LeftoverKind(StrEnum):
    """What a database that a restore left behind holds."""

    REPLACED = "before"
    """The tables that were live before the restore."""
    COPY = "restore"
    """The copy of a restore that did not end; where the swap was interrupted, perhaps tables that were live."""


@dataclass(frozen=True)
class Leftover:
    """A database that a restore left beside the live one.

    Args:
        database: its name at the server.
        left: what it holds.
        run: ID of the restore that left it.
        tables: how many there are in it.
        bytes: of their data and indexes, as the server estimates it.
    """

    database: str
    left: LeftoverKind
    run: str
    tables: int
    bytes: int


def leftovers_of(live: str, database: str, tables: int, size: int) -> Leftover | None:
    """Recognise what a restore left, by its name.

    Args:
        live: name of the live database.
        database: name of the other one.
        tables: how many there are in that one.
        size: of it, in bytes.

    Returns:
        None where it is none.
    """
    for left in LeftoverKind:
        start = f"{live}_countersign_{left.value}_"
        if database.startswith(start) and database != start:
            return Leftover(database, left, f"R-{database.removeprefix(start).upper()}", tables, size)
    return None


def choose_leftovers(there: Iterable[Leftover], asked: str | None) -> Leftover | None:
    """Find what is to be dropped.

    Args:
        there: everything that restores left.
        asked: the name of a database or the ID of a restore, as typed; None means the only one.

    Returns:
        None where there is nothing, and nothing was named.

    Raises:
        RefusedError: `unknown_remains`, there is none of this name, or several and none was named.
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
