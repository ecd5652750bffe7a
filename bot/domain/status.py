"""What `/migrate-status` answers: where the migrations of a target stand, and what would stand in their way now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.look import Ran, Session
from bot.domain.names import TargetName
from bot.domain.run import RunState


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
        free_kib: kibibytes free on the first host where the checkout lies.
        size_bytes: of the database.
    """

    target: TargetName
    server: str
    head: str
    branch: str
    branch_sha: str
    ran: tuple[Ran, ...]
    pending_live: tuple[str, ...]
    pending_branch: tuple[str, ...]
    missing: tuple[str, ...]
    blockers: tuple[Session, ...]
    sees_all_sessions: bool
    maintenance: tuple[str, ...]
    free_kib: int
    size_bytes: int

    @property
    def last_batch(self) -> tuple[str, ...]:
        """The migrations of the latest batch, in order; none where the table keeps no batches."""
        batches = [row.batch for row in self.ran if row.batch is not None]
        return tuple(row.name for row in self.ran if batches and row.batch == max(batches))


@dataclass(frozen=True)
class Standing:
    """A status together with what the bot itself remembers.

    Args:
        status: as just read.
        last_deploy: the latest deploy that ended, if one did.
        last_backup: the latest run that made a backup, if one did.
        going: the ID of the run that holds the target now; empty where none does.
    """

    status: MigrationStatus
    last_deploy: PastRun | None
    last_backup: PastRun | None
    going: str
