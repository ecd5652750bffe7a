"""What `/migrate-status` answers: where the migrations of a target stand, and what would stand in their way now."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.domain.backups.backup import BackupInfo, BackupList
from bot.domain.names import TargetName
from bot.domain.runs.run import RunState
from bot.domain.targets.look import AppliedMigration, Replication, Session


@dataclass(frozen=True)
class PastRun:
    """A run of the past, in a line.

    Args:
        run: its ID.
        state: how it ended.
        ended_at: when.
        sha: the commit it was about; empty where it was about none.
        backup: the ID of the backup it made; empty where it made none.
    """

    run: str
    state: RunState
    ended_at: datetime
    sha: str
    backup: str


class DiskContent(StrEnum):
    """What lies on a disk."""

    CODE = "code"
    DATABASE = "database"


@dataclass(frozen=True)
class Disk:
    """How much is free on a disk.

    Args:
        host: whose.
        holds: what lies there.
        free_kib: kibibytes free.
        needs_kib: kibibytes that must be free: what the recipe asks for before each deploy, or as much as rebuilding
            the largest table takes.
    """

    host: str
    holds: DiskContent
    free_kib: int
    needs_kib: int

    @property
    def tight(self) -> bool:
        """Whether less is free than must be."""
        return self.free_kib < self.needs_kib


@dataclass(frozen=True)
class MigrationStatus:
    """Where the migrations of a target stand.

    Args:
        target: which.
        server: version of the database server; empty where the target has no database.
        head: the commit that is live on the first host.
        branch: the branch that a deploy takes.
        branch_sha: its commit as it was last fetched; empty where it is unknown.
        ran: the rows of the migrations table, in order.
        pending_live: not run, and in the commit that is live.
        pending_branch: not run, and only in the branch's commit.
        missing: run, and in neither commit.
        blockers: open transactions and waits for metadata locks that a migration would meet now.
        sees_all_sessions: whether the database user may see the sessions of others.
        maintenance: hosts that are in maintenance.
        maintenance_unknown: hosts of which that cannot be told.
        size_bytes: of the database.
        disks: the one of each host's checkout, and that of the database where it can be seen.
        replication: how the database server takes part in it.
        changed_at: when the migrations table was last written to; None where the server does not remember.
        backup_list: the backups that the first host has; None where there is no place for any, or it cannot be read.
    """

    target: TargetName
    server: str
    head: str
    branch: str
    branch_sha: str
    ran: tuple[AppliedMigration, ...]
    pending_live: tuple[str, ...]
    pending_branch: tuple[str, ...]
    missing: tuple[str, ...]
    blockers: tuple[Session, ...]
    sees_all_sessions: bool
    maintenance: tuple[str, ...]
    maintenance_unknown: tuple[str, ...]
    size_bytes: int
    disks: tuple[Disk, ...] = ()
    replication: Replication = field(default_factory=Replication)
    changed_at: datetime | None = None
    backup_list: BackupList | None = None

    @property
    def newest_backup(self) -> BackupInfo | None:
        """The newest backup of the whole database on the shelf."""
        return (
            next((backup for backup in self.backup_list.backups if not backup.chosen), None)
            if self.backup_list
            else None
        )

    @property
    def last_batch(self) -> tuple[str, ...]:
        """The migrations of the latest batch, in order; none where the table keeps no batches."""
        batches = [row.batch for row in self.ran if row.batch is not None]
        return tuple(row.name for row in self.ran if batches and row.batch == max(batches))


@dataclass(frozen=True)
class MigrationReport:
    """A status together with what the bot itself remembers.

    Args:
        status: as just read.
        last_deploy: the latest deploy that ended, if one did.
        last_backup: the latest run that made a backup, if one did.
        last_batch: the run that applied the latest batch, if one of those that are remembered did.
        going: the ID of the run that holds the target now; empty where none does.
    """

    status: MigrationStatus
    last_deploy: PastRun | None
    last_backup: PastRun | None
    going: str
    last_batch: PastRun | None = None
