"""Writes to a database since a backup, as far as they can be detected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class WriteState(StrEnum):
    """How a table has changed since a backup."""

    SAME = "same"
    """Same content as in the backup."""
    CHANGED = "changed"
    GONE = "gone"
    """In the backup, but not in the live database."""
    NEW = "new"
    """In the live database, but not in the backup."""
    ADDED = "added"
    """Its AUTO_INCREMENT counter grew; nothing else is known."""
    UNKNOWN = "unknown"
    """Neither a checksum nor the server's statistics are available."""


@dataclass(frozen=True)
class TableWrites:
    """One table since a backup.

    Args:
        table: its name.
        written: how it has changed.
        then: rows in the backup; None if not counted.
        now: rows in the live database; None if the table is gone.
        counted: whether `now` was counted rather than estimated by the server.
        at: the last write that the server remembers, which forgets them at a restart.
        grown: growth of its AUTO_INCREMENT counter, if both values are known.
    """

    table: str
    written: WriteState
    then: int | None = None
    now: int | None = None
    counted: bool = False
    at: datetime | None = None
    grown: int | None = None
