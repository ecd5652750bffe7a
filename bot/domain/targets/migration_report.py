"""The report of `/migrate-status`: applied, pending and missing migrations, and what would block them now."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.domain.backups.backup import BackupInfo, BackupList
from bot.domain.names import TargetName
from bot.domain.policies.people import NOBODY, People
from bot.domain.runs.run import RunState
from bot.domain.targets.look import AppliedMigration, Replication, Session
from bot.domain.targets.outage import Outage


@dataclass(frozen=True)
class PastRun:
    """A past run in brief.

    Args:
        run: its ID.
        state: how it ended.
        ended_at: when.
        sha: its commit; empty if it had none.
        backup: ID of the backup that it made; empty if it made none.
    """

    run: str
    state: RunState
    ended_at: datetime
    sha: str
    backup: str


class DiskContent(StrEnum):
    """What a disk contains."""

    CODE = "code"
    DATABASE = "database"


@dataclass(frozen=True)
class Disk:
    """Free space of a disk.

    Args:
        host: of the disk.
        holds: what it contains.
        free_kib: kibibytes free.
        needs_kib: kibibytes needed: what the recipe requires before each deploy, or the size of the largest table,
            for rebuilding it.
    """

    host: str
    holds: DiskContent
    free_kib: int
    needs_kib: int

    @property
    def tight(self) -> bool:
        """Whether less is free than needed."""
        return self.free_kib < self.needs_kib


@dataclass(frozen=True)
class MigrationStatus:
    """The state of a target's migrations.

    Args:
        target: with the migrations.
        server: version of the database server; empty if the target has no database.
        head: the live commit of the first host.
        branch: that is deployed by default.
        branch_sha: its commit as last fetched; empty if unknown.
        ran: the applied migrations, in order.
        pending_live: not applied, in the live commit.
        pending_branch: not applied, only in the branch's commit.
        missing: applied, in neither commit.
        blockers: open transactions and waits for metadata locks that would block a migration now.
        sees_all_sessions: whether the database user may see the sessions of others.
        maintenance: hosts that are in maintenance.
        maintenance_unknown: hosts whose maintenance is unknown.
        size_bytes: of the database.
        disks: of each host's checkout, and of the database if visible.
        replication: the database server's part in it.
        changed_at: last write to the migrations table; None if the server does not remember.
        backup_list: backups of the target; None if there are none or they cannot be read.
        unlisted: why the code of the branch, which alone knows its migrations, could not be asked; may be empty; None
            where it was, or need not be.
        unanswered: why the framework could not say which migrations the live commit has, in words of the host, so that
            `pending_live` is of git alone; empty if it could.
        releases: names of the live releases' folders, one where all hosts agree; none with a checkout.
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
    unanswered: str = ""
    releases: tuple[str, ...] = ()
    unlisted: str | None = None

    @property
    def newest_backup(self) -> BackupInfo | None:
        """The newest backup of the whole database that is not dated in the future."""
        return (
            next((backup for backup in self.backup_list.past if not backup.chosen), None) if self.backup_list else None
        )

    @property
    def last_batch(self) -> tuple[str, ...]:
        """The migrations of the latest batch, in order; empty if the table has no batches."""
        batches = [row.batch for row in self.ran if row.batch is not None]
        return tuple(row.name for row in self.ran if batches and row.batch == max(batches))


@dataclass(frozen=True)
class MigrationReport:
    """The state of migrations together with the latest runs from the store.

    Args:
        status: as just read.
        last_deploy: the latest ended deploy, if any.
        last_backup: the latest run that made a backup, if any.
        last_batch: the run that applied the latest batch, if it is among the latest runs.
        going: ID of the run that holds the target now; empty if none does.
        outage: of the site; None where it is up.
        deciders: who may decide about the run that left it down, if that needs a decision.
        live_deploy: the latest deploy that made the live commit live, if any.
    """

    status: MigrationStatus
    last_deploy: PastRun | None
    last_backup: PastRun | None
    going: str
    last_batch: PastRun | None = None
    outage: Outage | None = None
    deciders: People = NOBODY
    live_deploy: PastRun | None = None
