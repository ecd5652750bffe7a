"""What is known of a backup, and the names of backups and of databases beside the live one."""

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
    """Why a backup was made."""

    ASKED = "asked"
    """Requested with `/backup`."""
    SCHEDULED = "scheduled"
    BEFORE = "before"
    """Made before a deploy or a rollback."""
    SAFETY = "safety"
    """Holds the data that a restore replaced; the retention schedule does not apply."""


class Proof(StrEnum):
    """How certain it is that a backup can be restored."""

    PROVEN = "proven"
    """Restored into a scratch database, and identical to what was dumped."""
    CHECKED = "checked"
    """Every stage of the dump succeeded and the file is complete, but it was never restored."""
    REFUTED = "refuted"
    """Restored into a scratch database, where something differed or failed to load."""
    DAMAGED = "damaged"
    """The checksum of its file no longer matches."""

    @property
    def is_bad(self) -> bool:
        """Whether the backup must not be restored."""
        return self in {Proof.REFUTED, Proof.DAMAGED}


PROOF_STEP = "backup-proof"
"""Key of the step that proves a backup."""


@dataclass(frozen=True)
class BackupInfo:
    """A finished backup, as described by its manifest.

    Args:
        backup: its ID.
        run: the run that made it.
        purpose: why it was made.
        started: when the dump began.
        database: name of the database at the server.
        server: version string of the database server.
        tables: names of the tables in it.
        chosen: the requested tables; empty for the whole database.
        bytes: size of its file.
        sha256: of its file, 64 hexadecimal digits.
        proof: how certain it is that it can be restored.
        proven_at: when that was last checked; None if never.
        restore_seconds: duration of the test restore; None if there was none.
        dump_seconds: duration of dumping and checking.
        encrypted: whether a private key is needed to read the file.
        data_bytes: size of the dumped tables on the server.
        migrations: names of the recorded migrations; None if unknown.
        stable_sha256: of its manifest, except what a proof replaces; the approval of a restore is bound to it.
        objects: kind and name of what it has beside tables, such as `view adults`; None if unknown.
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
    migrations: tuple[str, ...] | None = None
    stable_sha256: str = ""
    objects: tuple[str, ...] | None = None


@dataclass(frozen=True)
class BackupList:
    """All backups of a target.

    Args:
        app: of the target.
        environment: of the target.
        backups: newest first.
        unreadable: names of manifests that cannot be parsed.
        referred: IDs of backups that a pending or recent run uses.
        future_dated: IDs of backups whose date lies in the future; they are never counted or deleted.
        leftovers: databases that restores left beside the live one; None if they could not be read.
    """

    app: str
    environment: str
    backups: tuple[BackupInfo, ...]
    unreadable: tuple[str, ...] = ()
    referred: frozenset[str] = frozenset()
    future_dated: frozenset[str] = frozenset()
    leftovers: tuple[Leftover, ...] | None = ()

    @property
    def past(self) -> tuple[BackupInfo, ...]:
        """The backups that are not dated in the future, newest first."""
        return tuple(backup for backup in self.backups if backup.backup not in self.future_dated)

    def find(self, backup: str) -> BackupInfo:
        """Find a backup by its ID.

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
    """Estimate how long restoring a backup takes.

    Args:
        backup: to restore.
        backup_list: of the same target; if this backup was never restored, the speed of another's test restore is used.

    Returns:
        Seconds; None if no backup of the target was ever restored.
    """
    if backup.restore_seconds is not None:
        return backup.restore_seconds
    for other in backup_list.backups:
        if other.restore_seconds is not None and other.bytes:
            return max(1, round(other.restore_seconds * backup.bytes / other.bytes))
    return None


def newest_proven(backup_list: BackupList) -> BackupInfo | None:
    """Give the newest proven backup of the whole database that is not dated in the future; None if there is none."""
    return next((backup for backup in backup_list.past if backup.proof is Proof.PROVEN and not backup.chosen), None)


def scratch_name(database: str, kind: str, run: str) -> str | None:
    """Name a temporary database beside the live one.

    Args:
        database: name of the live one.
        kind: its purpose, such as `proof`.
        run: ID of the run that creates it.

    Returns:
        `DATABASE_countersign_KIND_RUN`; None if that exceeds the 64 characters of an identifier.
    """
    name = f"{database}_countersign_{kind}_{run.removeprefix('R-').lower()}"
    return name if len(name) <= _LONGEST_IDENTIFIER else None


def parse_backup_id(text: str) -> str:
    """Parse the ID of a backup as typed.

    Args:
        text: in any case.

    Raises:
        RefusedError: `unknown_backup`, the text is not an ID.
    """
    candidate = text.strip().upper()
    if _ID.fullmatch(candidate) is None:
        raise RefusedError(problem(Reason.UNKNOWN_BACKUP, backup=text[:40]))
    return candidate


def parse_table(text: str) -> str:
    """Parse the name of a table as typed.

    Args:
        text: the name, unquoted.

    Raises:
        RefusedError: `bad_table`, not a legal name (MySQL Reference Manual, "Schema Object Names"), or it looks like
            an option.
    """
    allowed = 0 < len(text) <= _LONGEST_IDENTIFIER and not text.endswith(" ") and not text.startswith("-")
    if not allowed or any(ord(character) < 32 or ord(character) > 0xFFFF for character in text):
        raise RefusedError(problem(Reason.BAD_TABLE, table=text[:80]))
    return text


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_MAX_NAMED])
