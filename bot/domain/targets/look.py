"""What planning can read. `Look` offers nothing that changes anything, so no command can by mistake."""

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
from bot.domain.targets.forge import ForgeAnswer
from bot.domain.targets.host_identity import HostIdentity
from bot.domain.targets.layout import FoundLayout, ReleaseFolder
from bot.domain.targets.order import Verification
from bot.domain.targets.privileges import MissingPrivilege
from bot.domain.targets.table_names import TableNames


@dataclass(frozen=True)
class ConfinedCommand:
    """A command that runs code of a commit cut off from production, without a network and without a database.

    Args:
        command: it runs in a copy of the commit's files, which lies where the checkout lies.
        python: the live virtual environment, absolute or relative to the checkout; empty if it needs none.
        environment: name of the application's environment file in the checkout; empty if it has none.
    """

    command: Command
    python: str = ""
    environment: str = ""


class CommitCode(StrEnum):
    """Whether code of a commit that is not checked out may run with the account's rights."""

    ON_TRUNK = "on_trunk"
    """If the commit is on the branch that is trusted."""
    NEVER = "never"


@dataclass(frozen=True)
class NotConfined:
    """A command could not be run cut off from production.

    Args:
        obstacle: what stood in its way; an obstacle of `bot.sandbox.obstacles`.
        detail: what was found, for people.
    """

    obstacle: str
    detail: str


@dataclass(frozen=True)
class ServiceAct:
    """What a step does to a service by `sudo systemctl`.

    Args:
        verb: `restart` or `reload`.
        unit: the service.
    """

    verb: str
    unit: str


@dataclass(frozen=True)
class HostQuestion:
    """What to read from a host in one round trip.

    Args:
        path: of the checkout.
        ref: branch, tag or commit to resolve among what was fetched; None for no commit.
        trunk: the branch whose commits are trusted; None trusts only the commit that is checked out.
        exists: paths relative to the checkout; whether they are there once the commit is checked out.
        directory: of the migrations in the repository, relative; None to list none.
        maintenance: a command that reads whether the app is in maintenance: status 0 yes, 1 no; None to skip it.
        tools: programs to look for in PATH.
        disks: absolute paths whose free space to read.
        commit_command: a command that runs code of the commit to read its files; None to run none. It runs in the
            checkout if that commit is checked out; `code` decides about others. `$live` is the checkout.
        code: for a commit that is not checked out: whether `commit_command` runs in a temporary copy of its files, or
            another command runs in confinement, and `commit_command` in the checkout all the same.
        migrator: a command that asks the framework of the live checkout for its migrations; None to skip it.
        hashed: paths of files, or of folders, whose contents at the ref's commit to hash.
        since: commits that were live or tried before; paths that differ between one of them and the ref's commit count
            as changed too.
        services: what will be done to services, to find out whether it is allowed.
        writes: folders of the checkout that steps write to.
        compared: commits whose files to compare with those of the ref's commit.
        releases: the folder with `current` and `releases`, to list them; empty where there are none.
        survey: a folder, to find out how code lies in it; empty not to.
    """

    path: str
    ref: str | None = None
    trunk: str | None = None
    exists: tuple[str, ...] = ()
    directory: str | None = None
    maintenance: Command | None = None
    tools: tuple[str, ...] = ()
    disks: tuple[str, ...] = ()
    commit_command: Command | None = None
    code: CommitCode | ConfinedCommand = CommitCode.NEVER
    migrator: Command | None = None
    hashed: tuple[str, ...] = ()
    since: tuple[str, ...] = ()
    services: tuple[ServiceAct, ...] = ()
    writes: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    releases: str = ""
    survey: str = ""


class SudoAnswer(StrEnum):
    """Whether the account may do something to a service by sudo."""

    ALLOWED = "allowed"
    ASKS = "asks"
    """Only with a password, which nobody is there to type."""
    REFUSED = "refused"
    MISSING = "missing"
    """There is no sudo."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ServiceFacts:
    """What was read about a service.

    Args:
        act: that was asked about.
        sudo: whether it is allowed.
        exists: whether there is such a unit; None if unknown.
    """

    act: ServiceAct
    sudo: SudoAnswer
    exists: bool | None


@dataclass(frozen=True)
class CommandOutput:
    """The result of a command.

    Args:
        exit_status: of the command.
        output: its standard output.
        complaint: the end of its standard error.
    """

    exit_status: int
    output: str
    complaint: str


@dataclass(frozen=True)
class HostFacts:
    """What was read from a host.

    Args:
        host: its name.
        is_checkout: whether the path is a git checkout.
        head: the commit that is checked out, 40 digits.
        branch: the branch that is checked out, empty when detached.
        dirty: paths of tracked files that differ from HEAD, the first 20.
        sha: what the ref resolves to; None where it resolves to nothing.
        fast_forward: whether `sha` is HEAD or a descendant of it.
        commits: from HEAD (exclusive) to `sha`, newest first, at most 50.
        commit_count: of all of them.
        removed: if `sha` is an ancestor of HEAD, the commits that going back would remove; at most 50.
        removed_count: of all of them; 0 if `sha` is no ancestor, or is HEAD.
        changed: paths that differ between HEAD and `sha`, or between a commit of `since` and `sha`; every path of `sha`
            if the host does not have one of those commits.
        migrations: file names in the migrations directory at `sha`, or at HEAD if no ref was given.
        existing: the requested paths that exist.
        maintenance: whether the app is in maintenance; None if not requested or unknown.
        missing_tools: the requested programs that were not found.
        free_kib: kibibytes free on the file system of the checkout.
        free_inodes: inodes free there; None if the file system has no such limit.
        on_branch: whether `sha` is a commit of the branch that was asked about as the trunk.
        commit_output: result of the requested command; None if none was requested, or there is no such commit.
        confined_output: result of the command that ran in confinement, or why it could not; None if none did.
        disks: kibibytes free on the file system of each requested path that can be read.
        migrator: result of the requested question to the framework; None if it was not asked.
        hashes: SHA-256 of the requested files at `sha`, or at HEAD if no ref was given, by path.
        untracked: files in the migrations directory of the checkout that git does not track.
        services: the requested acts on services.
        unwritable: requested folders that are there and cannot be written.
        foreign: files in the requested folders that belong to somebody else and cannot be written; the first 20.
        in_the_way: untracked files that the ref's commit has too; the first 20.
        mode_only: those of `dirty` in which only the permissions differ.
        same_files: the requested commits that have exactly the files of `sha`.
        release: what `current` leads to, the name of the live release's folder; empty without releases.
        releases: the complete ones.
        found: how code lies in the folder that was asked about; None if none was.
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
    on_branch: bool = False
    commit_output: CommandOutput | None = None
    confined_output: CommandOutput | NotConfined | None = None
    disks: Mapping[str, int] = field(default_factory=dict)
    migrator: CommandOutput | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    untracked: tuple[str, ...] = ()
    services: tuple[ServiceFacts, ...] = ()
    unwritable: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    in_the_way: tuple[str, ...] = ()
    mode_only: tuple[str, ...] = ()
    same_files: frozenset[str] = frozenset()
    release: str = ""
    releases: tuple[ReleaseFolder, ...] = ()
    found: FoundLayout | None = None


@dataclass(frozen=True)
class AppliedMigration:
    """A row of a migrations table.

    Args:
        name: of the migration.
        batch: in which it ran; None if the table has no batches.
    """

    name: str
    batch: int | None


@dataclass(frozen=True)
class Session:
    """A database session that could block a migration.

    Args:
        id: as `KILL` takes it.
        user: whose it is.
        seconds: since its transaction began, or since it waits.
        query: that it runs, truncated to 200 characters; may be empty.
        waits: whether it waits for a metadata lock.
    """

    id: int
    user: str
    seconds: int
    query: str
    waits: bool


@dataclass(frozen=True)
class Primary:
    """A server from which the database server replicates.

    Args:
        address: host and port.
        seconds: replication lag as reported by the replica; None if replication is stopped.
        trouble: why replication is stopped; empty if it is running.
    """

    address: str
    seconds: int | None
    trouble: str = ""


@dataclass(frozen=True)
class Replica:
    """A server that replicates from the database server. Its lag in applying events is not visible from here.

    Args:
        address: as it reports itself, or from which it is connected.
        sent: whether every event was sent to it; None if unknown.
    """

    address: str
    sent: bool | None


class HiddenReplication(StrEnum):
    """What the database user may not see of replication."""

    LAG = "lag"
    """The lag; that the server is a replica is visible."""
    PRIMARY = "primary"
    """Whether the server is a replica."""
    REPLICAS = "replicas"
    """Which replicas there are, and possibly how many (`replica_count`)."""


@dataclass(frozen=True)
class Replication:
    """The database server's part in replication.

    Args:
        primaries: from which it replicates.
        replicas: connected to it, if they can be listed.
        replica_count: number of connected replicas; None if not even that is visible.
        hidden: what the database user may not see, with the privilege that it lacks.
        read_only: the setting by which the server refuses the writes of the account; empty where it takes them.
    """

    primaries: tuple[Primary, ...] = ()
    replicas: tuple[Replica, ...] = ()
    replica_count: int | None = 0
    hidden: Mapping[HiddenReplication, str] = field(default_factory=dict)
    read_only: str = ""


@dataclass(frozen=True)
class DatabaseFacts:
    """What was read from the database.

    Args:
        version: of the server.
        has_table: whether the migrations table exists.
        ran: its rows, in order.
        sessions: transactions open for more than a few seconds, and waits for metadata locks.
        size_bytes: of data and indexes of the database.
        sees_all_sessions: whether the database user may see all transactions (privilege PROCESS); if not, `sessions`
            has only those of its own.
        unknown: applied migrations that the stack's tool does not know; if there are any, `ran` is not reliable.
        largest_bytes: of data and indexes of the largest table; rebuilding it takes as much again.
        directory: of the server's data files.
        changed_at: last write to the migrations table; None if the server does not remember.
        replication: the server's part in it.
        name: of the database, as the server calls it.
        server: which server answered: its own host name, its port and its directory. Two nodes of a cluster differ.
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
    name: str = ""
    server: str = ""


@dataclass(frozen=True)
class Release:
    """A commit that a past run made live, or tried to.

    Args:
        run: its ID.
        sha: the commit.
        before: the commit that was live before.
        good: whether the run succeeded; failed releases are never proposed.
    """

    run: str
    sha: str
    before: str
    good: bool


@dataclass(frozen=True)
class RowCount:
    """The rows of a table.

    Args:
        rows: all of them.
        values: those with a value in the column that was asked for; all of them where none was.
    """

    rows: int
    values: int


class Look(Protocol):
    """Reads one target. Each method raises `RefusedError` if it cannot read."""

    async def host(self, name: str, question: HostQuestion) -> HostFacts:
        """Read one host.

        Args:
            name: of the host.
            question: what to read.

        Raises:
            RefusedError: `host_unreachable`, `host_key_changed`, `host_login_refused`.
        """
        ...

    async def identity(self, name: str) -> HostIdentity:
        """Read which host it is that answers, and its `.env`'s checksum.

        Args:
            name: of the host.

        Raises:
            RefusedError: as `host`; `checkout_missing`, its `.env` cannot be read.
        """
        ...

    async def database(self, table: str | None) -> DatabaseFacts:
        """Read the target's database.

        Args:
            table: name of the migrations table; None to read none.

        Raises:
            RefusedError: `database_unreachable`, `database_login_refused`, `database_missing`, or a host's reason.
        """
        ...

    async def applied(self, table: str) -> tuple[AppliedMigration, ...]:
        """Read which migrations were applied, in order, and nothing else; none where the table is missing.

        Args:
            table: name of the migrations table.

        Raises:
            RefusedError: as `database`.
        """
        ...

    async def backups(self) -> BackupList:
        """Read the manifests of the target's backups on its first host.

        Raises:
            RefusedError: `backup_impossible`, the target has no place for backups; or a host's reason.
        """
        ...

    async def missing_privileges(self) -> tuple[MissingPrivilege, ...]:
        """Read which privileges the target's database account lacks, by what they are needed for.

        Raises:
            RefusedError: as `database`.
        """
        ...

    async def leftovers(self) -> tuple[Leftover, ...]:
        """Read the leftovers of restores, sorted by name.

        Raises:
            RefusedError: as `database`.
        """
        ...

    async def writes_since(self, backup: str) -> tuple[TableWrites, ...]:
        """Read how each table of the live database has changed since a backup.

        Raises:
            RefusedError: as `database` and `backups`; `not_restorable`, the backup is incomplete.
        """
        ...

    async def rows(self, table: str, column: str | None) -> int:
        """Count the rows of a table, or those with a value in a column; 0 if the table or column does not exist.

        Raises:
            RefusedError: as `database`.
        """
        ...

    async def held(self, table: str, column: str) -> RowCount | None:
        """Count the rows of a table and those with a value in a column; None if there is no such table or column.

        Args:
            table: its name.
            column: of it; empty to count the rows alone.

        Raises:
            RefusedError: as `database`; also where counting takes longer than a look may.
        """
        ...

    async def tables(self) -> TableNames:
        """Read the names of the tables and views of the target's database.

        Raises:
            RefusedError: as `database`; `backup_impossible`, the target has no database.
        """
        ...

    async def schema(self) -> frozenset[str]:
        """Read the columns and indexes of the target's database as canonical lines, comparable with those of a plan.

        Raises:
            RefusedError: as `database`.
        """
        ...

    async def releases(self) -> tuple[Release, ...]:
        """Read the target's releases from the history of runs, newest first."""
        ...

    async def verifications(self) -> tuple[Verification, ...]:
        """Read which commits were verified in the environment before (`after`), newest first; none without one."""
        ...

    async def commit_checks(self, sha: str) -> ForgeAnswer:
        """Read what the required checks say about a commit; nothing is asked where none is required.

        Args:
            sha: the commit.
        """
        ...

    async def past_runs(self) -> tuple[Run, ...]:
        """Read the latest runs on this target, newest first, with those that have not ended.

        Secrets in their plans stay references.
        """
        ...

    async def past(self, run: str) -> Run | None:
        """Read a past run on this target; None if there is none with this ID."""
        ...
