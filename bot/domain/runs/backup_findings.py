"""Findings about backups: those that were made, what restoring one replaces, what dropping old tables destroys."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from bot.domain.backups.backup import Proof
from bot.domain.backups.leftovers import LeftoverKind
from bot.domain.backups.writes_since import WriteState
from bot.domain.errors import Reason
from bot.domain.runs.stored_facts import StoredFacts, written

_OMIT = written(omit=True)
_NAMES = written(separator=", ")


@dataclass(frozen=True)
class BackupMade(StoredFacts):
    """The backup that the run made, as the facts of the steps that made and proved it.

    Args:
        backup: its ID.
        path: where it is.
        bytes: size of its file.
        sha256: of its file.
        seconds: how long making it took.
        tables: how many it has.
        database: that was dumped.
        started: when making it began.
        server: the database server's version.
        proof: how certain it is that it can be restored.
        encrypted: whether its file is encrypted.
        previous: ID of a backup from before that is much larger; empty if none is.
        previous_bytes: size of that one's file.
        proven_at: when it was proven.
        restore_seconds: how long restoring it took.
        unprovable: why it could not be restored to prove it, an obstacle of `bot.sandbox`; empty if it was tried, or
            was not to be.
        unprovable_detail: what was found.
        remedy: lines for an administrator of the host that make a proof possible.
    """

    kind: ClassVar = "backup"
    backup: str = field(default="", metadata=_OMIT)
    path: str = field(default="", metadata=_OMIT)
    bytes: int | None = field(default=None, metadata=_OMIT)
    sha256: str = field(default="", metadata=_OMIT)
    seconds: int | None = field(default=None, metadata=_OMIT)
    tables: int | None = field(default=None, metadata=_OMIT)
    database: str = field(default="", metadata=_OMIT)
    started: datetime | None = field(default=None, metadata=_OMIT)
    server: str = field(default="", metadata=_OMIT)
    proof: Proof | None = field(default=None, metadata=_OMIT)
    encrypted: bool = field(default=False, metadata=written(omit=True, yes="yes"))
    previous: str = field(default="", metadata=_OMIT)
    previous_bytes: int | None = field(default=None, metadata=_OMIT)
    proven_at: datetime | None = field(default=None, metadata=_OMIT)
    restore_seconds: int | None = field(default=None, metadata=_OMIT)
    unprovable: str = field(default="", metadata=_OMIT)
    unprovable_detail: str = field(default="", metadata=_OMIT)
    remedy: tuple[str, ...] = field(default=(), metadata=_OMIT)


@dataclass(frozen=True)
class ReliedOnBackup(StoredFacts):
    """The proven backup that the gate relies on, if it is not the run's own.

    Args:
        backup: its ID.
        made_at: when it was made.
        proven_at: when it was proven; None if unknown.
        restore_seconds: how long restoring it took; None if unknown.
    """

    kind: ClassVar = "proven_backup"
    backup: str
    made_at: datetime
    proven_at: datetime | None = None
    restore_seconds: int | None = None


@dataclass(frozen=True)
class BackupToRestore(StoredFacts):
    """The backup that is restored, and what that takes.

    Args:
        backup: its ID.
        database: whose backup it is.
        tables: those it has, if they were chosen; empty for a backup of the whole database.
        made_at: when it was made.
        proof: how certain it is that it can be restored.
        proven_at: when it was proven; None if it was not.
        seconds: how long restoring it is going to take, by its proof; None if unknown.
        downtime: how long the site is going to be down, in seconds; None if unknown.
        old: the database that will keep the replaced tables.
    """

    kind: ClassVar = "restore"
    backup: str
    database: str = ""
    tables: tuple[str, ...] = field(default=(), metadata=_NAMES)
    made_at: datetime | None = None
    proof: Proof | None = None
    proven_at: datetime | None = None
    seconds: int | None = None
    downtime: int | None = None
    old: str = ""


@dataclass(frozen=True)
class TableWritten(StoredFacts):
    """Writes to one table since the backup, which restoring it would lose.

    Args:
        table: its name.
        written: how it has changed.
        then: rows in the backup; None if not counted.
        now: rows in the live database; None if the table is gone.
        counted: whether `now` was counted rather than estimated by the server.
        at: the last write that the server remembers.
        grown: growth of its AUTO_INCREMENT counter; None if unknown.
    """

    kind: ClassVar = "written"
    table: str
    written: WriteState
    then: int | None = None
    now: int | None = None
    counted: bool | None = None
    at: datetime | None = None
    grown: int | None = None


@dataclass(frozen=True)
class WritesUnknown(StoredFacts):
    """The writes since the backup could not be read.

    Args:
        reason: why.
    """

    kind: ClassVar = "written_unknown"
    reason: Reason = field(metadata=written(name="why"))


@dataclass(frozen=True)
class OtherTables(StoredFacts):
    """The tables of which no writes since the backup are told.

    Args:
        same: how many have the same content.
        more: how many were written to beside those that are told.
    """

    kind: ClassVar = "written_rest"
    same: int
    more: int


@dataclass(frozen=True)
class OldTables(StoredFacts):
    """The leftover of a restore that is dropped.

    Args:
        database: its name.
        left: what it contains.
        tables: how many.
        bytes: size of data and indexes, as the server estimates it.
        run: ID of the restore.
        backup: that was restored; empty if unknown.
        kept_at: when the restore ended; None if unknown.
        state: of the restore, a value of `RunState`; empty if unknown.
        safety: ID of the backup that has the same data; empty if there is none.
        safety_proof: how certain it is that it can be restored.
    """

    kind: ClassVar = "drop_old"
    database: str
    left: LeftoverKind | None = None
    tables: int | None = None
    bytes: int | None = None
    run: str = ""
    backup: str = ""
    kept_at: datetime | None = None
    state: str = ""
    safety: str = ""
    safety_proof: Proof | None = None


@dataclass(frozen=True)
class BackupsNoLongerKept(StoredFacts):
    """Backups that the retention deletes once the new one is verified.

    Args:
        backups: their IDs, oldest first.
    """

    kind: ClassVar = "retention"
    backups: tuple[str, ...] = field(metadata=_NAMES)


@dataclass(frozen=True)
class BackupsFromTheFuture(StoredFacts):
    """Backups dated in the future, which the retention neither counts nor deletes.

    Args:
        backups: their IDs, oldest first.
    """

    kind: ClassVar = "retention_ignores"
    backups: tuple[str, ...] = field(metadata=_NAMES)


@dataclass(frozen=True)
class MissedBackup(StoredFacts):
    """The time of a scheduled backup was missed, and this run makes up for it.

    Args:
        fired_at: that time.
    """

    kind: ClassVar = "missed"
    fired_at: datetime


@dataclass(frozen=True)
class LacksPrivileges(StoredFacts):
    """The database account lacks privileges that a step of the plan needs.

    Args:
        lacks: each of them, as SQL grants it.
    """

    kind: ClassVar = "lacks_privileges"
    lacks: tuple[str, ...] = field(metadata=written(separator="; "))
