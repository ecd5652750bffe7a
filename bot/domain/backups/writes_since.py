"""What was written to a database since a backup, as far as it can be known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class WriteState(StrEnum):
    """What is known of a table since a backup."""

    SAME = "same"
    """Nothing was written to it, or nothing that is still there."""
    CHANGED = "changed"
    GONE = "gone"
    """It is in the backup, and not in the live database."""
    NEW = "new"
    """It is in the live database, and not in the backup."""
    ADDED = "added"
    """Its counter (AUTO_INCREMENT) grew; nothing else tells."""
    UNKNOWN = "unknown"
    """Neither its checksum nor the server's memory could tell."""


@dataclass(frozen=True)
class TableWrites:
    """One table since a backup.

    Args:
        table: its name.
        written: what is known.
        then: rows in the backup; None where nobody counted.
        now: rows in the live database; None where it is not there.
        counted: whether `now` was counted, and is no estimate of the server's.
        at: the last write that the server remembers; it remembers none from before it was started.
        grown: by how much its counter (AUTO_INCREMENT) grew, where both are known.
    """

    table: str
    written: WriteState
    then: int | None = None
    now: int | None = None
    counted: bool = False
    at: datetime | None = None
    grown: int | None = None
