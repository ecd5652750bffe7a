"""What planning may know of the world. `Look` can read and nothing else; no command can change anything by mistake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bot.domain.backups.backup import BackupList
from bot.domain.backups.leftovers import Leftover
from bot.domain.backups.writes_since import TableWrites
from bot.domain.runs.plan import Commit
from bot.domain.runs.run import Run
from bot.domain.shell import Command


@dataclass(frozen=True)
class HostQuestion:
    """What is asked of one host, in one round trip.

    Args:
        path: of the checkout.
        ref: the branch, tag or commit to resolve against what was fetched; None asks for no commit.
        exists: paths relative to the checkout; which of them exist is answered.
        directory: of the migrations in the repository, relative; None asks for no list of them.
        maintenance: a command that reads whether the app is in maintenance: status 0 yes, 1 no; None asks not.
        tools: programs that must be found in PATH.
        disks: absolute paths whose free space is wanted.
        telling: a command that reads the files of the commit that is asked about, and tells of them; None asks none.
            It runs where those files are: in the checkout where that commit is checked out, else in a copy that is
            thrown away. There `$live` is the checkout.
    """

    path: str
    ref: str | None = None
    exists: tuple[str, ...] = ()
    directory: str | None = None
    maintenance: Command | None = None
    tools: tuple[str, ...] = ()
    disks: tuple[str, ...] = ()
    commit_command: Command | None = None


@dataclass(frozen=True)
class CommandOutput:
    """What a command told.

    Args:
        exit_status: of the command.
        output: what it printed.
        complaint: the end of what it printed on standard error.
    """

    exit_status: int
    output: str
    complaint: str


@dataclass(frozen=True)
class HostFacts:
    """What one host answered.

    Args:
        host: its name.
        is_checkout: whether the path is a git checkout.
        head: the commit that is checked out, 40 digits.
        branch: the branch that is checked out, empty when detached.
        dirty: paths of tracked files that differ from HEAD, the first 20.
        sha: what the ref resolves to; None where it resolves to nothing.
        fast_forward: whether `sha` is HEAD or has HEAD among its ancestors.
        commits: from HEAD (exclusive) to `sha`, newest first, at most 50.
        commit_count: how many there are in all.
        removed: where `sha` is an ancestor of HEAD, the commits that going back would take out; at most 50.
        removed_count: how many there are in all; 0 where `sha` is no ancestor, or is HEAD.
        changed: paths that differ between HEAD and `sha`.
        migrations: file names in the migrations directory at `sha` (at HEAD where no ref was asked).
        existing: those of the asked paths that exist.
        maintenance: whether the app is in maintenance; None where not asked or it cannot tell.
        missing_tools: those of the asked programs that were not found.
        free_kib: kibibytes free where the checkout lies.
        free_inodes: inodes free there; None where the file system has no such limit.
        told: what the asked command told; None where none was asked, or where there is no such commit.
        disks: kibibytes free where each asked path lies; a path that is not there, or cannot be seen, is left out.
    """

    host: str
    is_checkout: bool
    head: str
    branch: str
    dirty: tuple[str, ...]
    sha: str | None
    fast_forward: bool
    commits: tuple[Commit, ...]
    commit_count: int
    changed: tuple[str, ...]
    migrations: tuple[str, ...]
    existing: frozenset[str]
    maintenance: bool | None
    missing_tools: tuple[str, ...]
    free_kib: int
    free_inodes: int | None
    removed: tuple[Commit, ...] = ()
    removed_count: int = 0
    commit_output: CommandOutput | None = None
    disks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class AppliedMigration:
    """A row of a migrations table.

    Args:
        name: of the migration.
        batch: in which batch it ran; None where the table keeps none.
    """

    name: str
    batch: int | None


@dataclass(frozen=True)
class Session:
    """A database session that could block a migration.

    Args:
        id: as `KILL` takes it.
        user: whose it is.
        seconds: how long its transaction is open, or how long it waits.
        query: what it runs, cut to 200 characters; may be empty.
        waits: whether it waits for a metadata lock.
    """

    id: int
    user: str
    seconds: int
    query: str
    waits: bool


@dataclass(frozen=True)
class Primary:
    """A server that the asked one replicates from.

    Args:
        address: host and port.
        seconds: how far the asked server is behind it, as that server reckons; None where it does not replicate, and
            nobody knows.
        trouble: why it does not replicate; empty where it does.
    """

    address: str
    seconds: int | None
    trouble: str = ""


@dataclass(frozen=True)
class Replica:
    """A server that replicates from the asked one.

    How far it is behind in applying what it was sent, only it knows.

    Args:
        address: as it reports itself, or from where it is connected.
        sent: whether it was sent everything; None where it is not told.
    """

    address: str
    sent: bool | None


class HiddenReplication(StrEnum):
    """What of replication a database user may not see."""

    LAG = "lag"
    """How far behind the asked server is; that it is a replica is seen."""
    PRIMARY = "primary"
    """Whether it is a replica."""
    REPLICAS = "replicas"
    """Which replicas it has, and perhaps whether it has any: `replica_count` says."""


@dataclass(frozen=True)
class Replication:
    """How the asked server takes part in replication.

    Args:
        primaries: whom it replicates from.
        replicas: who is connected to replicate from it, where that can be seen one by one.
        replica_count: how many are connected; None where not even that can be seen.
        hidden: what the database user may not see, with the privilege that would show it.
        read_only: whether the server lets ordinary accounts write nothing.
    """

    primaries: tuple[Primary, ...] = ()
    replicas: tuple[Replica, ...] = ()
    replica_count: int | None = 0
    hidden: Mapping[HiddenReplication, str] = field(default_factory=dict)
    read_only: bool = False


@dataclass(frozen=True)
class DatabaseFacts:
    """What the database answered.

    Args:
        version: of the server.
        has_table: whether the migrations table exists.
        ran: its rows, in order.
        sessions: transactions open for more than a few seconds, and waits for metadata locks.
        size_bytes: of the data and indexes of the database.
        sees_all_sessions: whether the database's user may see everybody's transactions (the privilege PROCESS);
            where not, `sessions` holds only what that user's own sessions run or wait for.
        unknown: what it remembers of migrations and the stack's tool cannot place; where there is any, `ran` says
            nothing.
        largest_bytes: of the data and indexes of its largest table; rebuilding that one takes as much again.
        directory: where the server says that its files lie.
        changed_at: when the migrations table was last written to, as long as the server remembers; None where it does
            not.
        replication: how the server takes part in replication.
    """

    version: str
    has_table: bool
    ran: tuple[AppliedMigration, ...]
    sessions: tuple[Session, ...]
    size_bytes: int
    sees_all_sessions: bool = True
    unknown: tuple[str, ...] = ()
    largest_bytes: int = 0
    directory: str = ""
    changed_at: datetime | None = None
    replication: Replication = Replication()


@dataclass(frozen=True)
class Release:
    """A commit that a run of the past made live, or tried to.

    Args:
        run: the run's ID.
        sha: the commit it brought.
        before: the commit that was live before it.
        good: whether the run succeeded; a release that failed is never proposed.
    """

    run: str
    sha: str
    before: str
    good: bool


class Look(Protocol):
    """Reading one target. Each method raises `RefusedError` with the reason where it cannot read."""

    async def host(self, name: str, question: HostQuestion) -> HostFacts:
        """Read one host.

        Args:
            name: of the host.
            question: what is asked.

        Raises:
            RefusedError: `host_unreachable`, `host_key_changed`, `host_login_refused`.
        """
        ...

    async def database(self, table: str | None) -> DatabaseFacts:
        """Read the target's database.

        Args:
            table: the name of the migrations table; None reads none.

        Raises:
            RefusedError: `database_unreachable`, `database_login_refused`, `database_missing`, or a host's reason.
        """
        ...

    async def backups(self) -> BackupList:
        """Read the manifests of the target's backups on its first host.

        Raises:
            RefusedError: `backup_impossible`, the target has no place for backups; or a host's reason.
        """
        ...

    async def leftovers(self) -> tuple[Leftover, ...]:
        """Read what restores left beside the target's database; by name.

        Raises:
            RefusedError: as `database`.
        """
        ...

    async def writes_since(self, backup: str) -> tuple[TableWrites, ...]:
        """Read what was written to the live database since a backup, by table, as far as it can be known.

        Raises:
            RefusedError: as `database` and `backups`; `not_restorable`, the backup is not whole.
        """
        ...

    async def rows(self, table: str, column: str | None) -> int:
        """Count the rows of a table, or those of them that have a value in a column; 0 where there is none of it.

        Raises:
            RefusedError: as `database`.
        """
        ...

    async def schema(self) -> frozenset[str]:
        """Read the columns and indexes of the target's database, as lines that can be compared with those of a plan.

        Raises:
            RefusedError: as `database`.
        """
        ...

    async def releases(self) -> tuple[Release, ...]:
        """Read what the bot remembers of the target's releases, newest first."""
        ...

    async def past(self, run: str) -> Run | None:
        """Read a run of the past on this target; None where there is none of this ID."""
        ...
