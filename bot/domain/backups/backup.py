"""Backups: what is known of one, and what it was made for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.backups.leftovers import Leftover
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import nearest

_ID = re.compile(r"[BS]-[0-9]{8}-[0-9A-Z]{4,16}")
_LONGEST_IDENTIFIER = 64
_MAX_NAMED = 3


class Purpose(StrEnum):
    """What a backup was made for."""

    ASKED = "asked"
    """Somebody typed `/backup`."""
    SCHEDULED = "scheduled"
    BEFORE = "before"
    """It was made before a deploy or a rollback."""
    SAFETY = "safety"
    """It holds what a restore replaced; no schedule of retention applies to it."""


class Proof(StrEnum):
    """How far it is known that a backup can be restored."""

    PROVEN = "proven"
    """It was restored into a scratch database, and what came out is what was dumped."""
    CHECKED = "checked"
    """Each stage of making it ended well, and its file is whole. It was never restored."""
    REFUTED = "refuted"
    """It was restored into a scratch database, and something differed or would not load."""
    DAMAGED = "damaged"
    """Its file is no longer the one that was made; whoever read it last found that."""

    @property
    def is_bad(self) -> bool:
        """Whether it must not be put back."""
        return self in {Proof.REFUTED, Proof.DAMAGED}


PROOF_STEP = "backup-proof"
"""The key of the step that proves a backup, in every run that has one."""


@dataclass(frozen=True)
class BackupInfo:
    """A finished backup as its manifest tells.

    Args:
        backup: its ID.
        run: the run that made it.
        purpose: what it was made for.
        started: when its dump began.
        database: name of the database at the server.
        server: what the server called itself.
        tables: names of the tables in it.
        chosen: the tables that were asked for; empty where the whole database was dumped.
        bytes: size of its file.
        sha256: of its file, 64 hexadecimal digits.
        proof: how far it is known to be good.
        proven_at: when that was last tried; None where it never was.
        restore_seconds: how long the test restore took; None where there was none.
        dump_seconds: how long dumping and checking took.
        encrypted: whether its file can be read with a private key alone.
        data_bytes: size of the tables it was made of.
    """

    backup: str
    run: str
    purpose: Purpose
    started: datetime
    database: str
    server: str
    tables: tuple[str, ...]
    chosen: tuple[str, ...]
    bytes: int
    sha256: str
    proof: Proof
    proven_at: datetime | None = None
    restore_seconds: int | None = None
    dump_seconds: int = 0
    encrypted: bool = False
    data_bytes: int = 0


@dataclass(frozen=True)
class BackupList:
    """Every backup of a target that its host has.

    Args:
        app: whose.
        environment: of the app.
        backups: newest first.
        unreadable: names of files that look like a backup's manifest and cannot be read as one.
        referred: IDs that a pending or recent run speaks of.
        leftovers: what restores left beside the live database; None where it could not be read.
    """

    app: str
    environment: str
    backups: tuple[BackupInfo, ...]
    unreadable: tuple[str, ...] = ()
    referred: frozenset[str] = frozenset()
    leftovers: tuple[Leftover, ...] | None = ()

    def find(self, backup: str) -> BackupInfo:
        """Give the backup of an ID.

        Args:
            backup: its ID.

        Raises:
            RefusedError: `unknown_backup`, with the nearest ID.
        """
        found = next((each for each in self.backups if each.backup == backup), None)
        if found is None:
            known = tuple(each.backup for each in self.backups)
            facts = {"backup": backup, "nearest": nearest(backup.lower(), known) or "", "known": _few(known)}
            raise RefusedError(problem(Reason.UNKNOWN_BACKUP, app=self.app, environment=self.environment, **facts))
        return found


def predicted_seconds(backup: BackupInfo, backup_list: BackupList) -> int | None:
    """Predict how long restoring a backup takes.

    Args:
        backup: which.
        backup_list: the backups beside it, whose test restores tell the speed where this one was never restored.

    Returns:
        Seconds; None where no backup of the target was ever restored.
    """
    if backup.restore_seconds is not None:
        return backup.restore_seconds
    for other in backup_list.backups:
        if other.restore_seconds is not None and other.bytes:
            return max(1, round(other.restore_seconds * backup.bytes / other.bytes))
    return None


def newest_proven(backup_list: BackupList) -> BackupInfo | None:
    """Give the newest backup of a whole database that is proven.

    Args:
        backup_list: all there are.
    """
    return next((backup for backup in backup_list.backups if backup.proof is Proof.PROVEN and not backup.chosen), None)


def scratch_name(database: str, kind: str, run: str) -> str | None:
    """Name a database that is made beside a live one.

    Args:
        database: the live one.
        kind: what it is for, such as `proof`.
        run: the run that makes it.

    Returns:
        `DATABASE_countersign_KIND_RUN`; None where that is longer than a name can be.
    """
    name = f"{database}_countersign_{kind}_{run.removeprefix('R-').lower()}"
    return name if len(name) <= _LONGEST_IDENTIFIER else None


def parse_backup_id(text: str) -> str:
    """Read the ID of a backup that somebody typed.

    Args:
        text: in any case.

    Raises:
        RefusedError: `unknown_backup`, it cannot be one.
    """
    candidate = text.strip().upper()
    if _ID.fullmatch(candidate) is None:
        raise RefusedError(problem(Reason.UNKNOWN_BACKUP, backup=text[:40]))
    return candidate


def parse_table(text: str) -> str:
    """Read the name of a table that somebody typed.

    Args:
        text: as it is, without quotes.

    Raises:
        RefusedError: `bad_table`, no table can have this name (MySQL Reference Manual, "Schema Object Names"), or it
            begins as an option does.
    """
    allowed = 0 < len(text) <= _LONGEST_IDENTIFIER and not text.endswith(" ") and not text.startswith("-")
    if not allowed or any(ord(character) < 32 or ord(character) > 0xFFFF for character in text):
        raise RefusedError(problem(Reason.BAD_TABLE, table=text[:80]))
    return text


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_MAX_NAMED])
