"""Acts: what a step does, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from bot.domain.backups.backup import Purpose
from bot.domain.json_codec import stored
from bot.domain.runs.migration_source import MigrationSource
from bot.domain.shell import Command


@dataclass(frozen=True)
class Shell:
    """Run a command detached on each host of the step, with a journal.

    Args:
        command: run by `sh`.
        directory: on the host, where it runs.
        expects: the commit that must be checked out there, else the command is not run; None for any.
    """

    act: ClassVar = "shell"
    command: Command
    directory: str
    expects: str | None = None


@dataclass(frozen=True)
class Dump:
    """Make a verified dump of the target's database.

    Args:
        backup: the ID of the new backup.
        tables: to dump; empty for all.
        purpose: of the backup.
    """

    act: ClassVar = "dump"
    backup: str
    tables: tuple[str, ...] = ()
    purpose: Purpose = Purpose.BEFORE


class ProofServer(StrEnum):
    """A server in which a backup is restored to prove it."""

    PRIVATE = "private"
    """One of the sandbox, which is thrown away."""


@dataclass(frozen=True)
class Prove:
    """Restore a backup, and compare the result with what was dumped. With neither place only its file is checked.

    Args:
        backup: its ID.
        scratch: name of the temporary database beside the live one; None if there is none.
        server: where it is restored first; None for beside the live database alone.
    """

    act: ClassVar = "prove"
    backup: str
    scratch: str | None
    server: ProofServer | None = field(default=None, metadata=stored(omit_none=True))

    @property
    def restores(self) -> bool:
        """Whether it is restored at all."""
        return self.scratch is not None or self.server is not None


@dataclass(frozen=True)
class Discard:
    """Delete backups that the retention no longer keeps.

    Args:
        backups: their IDs, oldest first.
    """

    act: ClassVar = "discard"
    backups: tuple[str, ...]


@dataclass(frozen=True)
class Load:
    """Restore a backup into a new database beside the live one, and compare the result with what was dumped.

    Args:
        backup: its ID.
        sha256: of its file.
        fresh: name of the new database.
        manifest: checksum of the stable part of its manifest; None in plans of earlier versions.
    """

    act: ClassVar = "load"
    backup: str
    sha256: str
    fresh: str
    manifest: str | None = field(default=None, metadata=stored(optional=True, omit_none=True))


@dataclass(frozen=True)
class Swap:
    """Swap the live tables for restored ones, in one statement.

    Args:
        backup: ID of the restored backup.
        fresh: the database it was restored into.
        old: the database that the live tables are moved to.
        manifest: checksum of the stable part of its manifest; None in plans of earlier versions.
    """

    act: ClassVar = "swap"
    backup: str
    fresh: str
    old: str
    manifest: str | None = field(default=None, metadata=stored(optional=True, omit_none=True))


@dataclass(frozen=True)
class DropOld:
    """Drop the database that holds the tables that a restore replaced.

    Args:
        database: its name.
        tables: the number of tables that it must have, else it is not dropped.
    """

    act: ClassVar = "drop_old"
    database: str
    tables: int


@dataclass(frozen=True)
class DropCopy:
    """Drop the copy that a restore made but did not swap in.

    Args:
        database: its name.
    """

    act: ClassVar = "drop_copy"
    database: str


@dataclass(frozen=True)
class Preflight:
    """Read a host and the database, and fail if the run could not succeed.

    Args:
        needs: kibibytes that must be free on the file system of the checkout.
        tools: programs that must be in PATH.
    """

    act: ClassVar = "preflight"
    needs: int
    tools: tuple[str, ...] = ()


@dataclass(frozen=True)
class Health:
    """Request a URL until it answers with a status below 400.

    Args:
        url: http or https.
        tries: number of requests, one second apart, before the step fails.
        release: name of the release that must answer, where the answer names one; None for a checkout.
    """

    act: ClassVar = "health"
    url: str
    tries: int
    release: str | None = field(default=None, metadata=stored(optional=True, omit_none=True))


@dataclass(frozen=True)
class HostHealth:
    """Request a URL through each host of the step, as seen from there, until it answers with a status below 400.

    Args:
        url: http or https.
        tries: number of requests, one second apart, before the step fails.
        release: name of the release that must answer, where the answer names one; None for a checkout.
    """

    act: ClassVar = "host_health"
    url: str
    tries: int
    release: str | None = field(default=None, metadata=stored(optional=True, omit_none=True))


@dataclass(frozen=True)
class NothingPending:
    """Check that the migrations table has each of some names.

    Args:
        names: of the migrations that the run applied.
        table: in which the framework records them; None for the recipe's.
    """

    act: ClassVar = "nothing_pending"
    names: tuple[str, ...]
    table: str | None = field(default=None, metadata=stored(optional=True, omit_none=True))


@dataclass(frozen=True)
class Undone:
    """Check that the migrations table has none of some names.

    Args:
        names: of the migrations that the run undid.
        table: in which the framework records them; None for the recipe's.
    """

    act: ClassVar = "undone"
    names: tuple[str, ...]
    table: str | None = field(default=None, metadata=stored(optional=True, omit_none=True))


@dataclass(frozen=True)
class Preview:
    """Ask the stack's tool for the SQL of migrations that cannot be rehearsed. None of it is run.

    Args:
        scratch: name of the temporary database in which the server is asked how it would change its tables; None if
            the target allows none.
        sha: the commit of the migrations.
        migrations: their names, in order.
        show_sql: prints the SQL, with a comment `-- Running NAME` before each migration's; run in the commit's files.
    """

    act: ClassVar = "preview"
    scratch: str | None = field(kw_only=True)
    sha: str
    migrations: tuple[str, ...]
    show_sql: Command = field(metadata=stored(name="telling"))


class Direction(StrEnum):
    """Direction of migrations."""

    UP = "up"
    DOWN = "down"


class PackageTool(StrEnum):
    """What brings the packages of a commit."""

    NONE = "none"
    """Nothing: they are where the live ones are, outside of the checkout."""
    COMPOSER = "composer"


@dataclass(frozen=True)
class Rehearse:
    """Rehearse pending migrations on a temporary copy of the database, to find out what they do.

    The commands are run by `sh` in a temporary worktree at the commit, with `environment` added to the host's own.
    `$live` is the checkout that serves the site, and `$file` the path of the migration's file in the repository.

    Args:
        sha: the commit of the migrations.
        migrations: their names, in order.
        directory: of their files in the repository.
        suffix: of their files.
        table: that records which migrations ran.
        scratch: name of the temporary database; None if the target allows none, then nothing is run and only the
            sources are read.
        setup: prepares the worktree to run.
        probe: prints the name of the database that the application would connect to.
        pretend: prints the SQL of one migration.
        apply: runs one migration.
        environment: pairs of name and template; a template may use `{scratch}`, `{database_host}`,
            `{database_port}`, `{database_user}` and `{database_password}`, which are filled in just before they are
            sent to the host.
        other_connection: a regular expression for sources that use a connection which `environment` does not redirect
            to the copy; if one matches, nothing is run.
        backup: ID of the backup to restore into the copy; None for the live database's schema, or if there is no
            backup.
        direction: whether to run the migrations, or to undo them, the newest first.
    """

    act: ClassVar = "rehearse"
    sha: str
    migrations: tuple[str, ...]
    directory: str
    suffix: str
    table: str
    scratch: str | None
    setup: Command
    probe: Command
    pretend: Command
    apply: Command
    environment: tuple[tuple[str, str], ...]
    other_connection: str
    backup: str | None = field(default=None, metadata=stored(optional=True))
    direction: Direction = field(default=Direction.UP, metadata=stored(optional=True))


class MigrationRecords(StrEnum):
    """How a framework other than Laravel records in its table which migrations ran."""

    ALEMBIC = "alembic"
    """One row for each head, which is written over: `version_num`."""
    DJANGO = "django"
    """One row for each migration: `app` and `name`."""


@dataclass(frozen=True)
class SandboxRehearsal:
    """Run migrations in a sandbox on the host, to find out what they do.

    Each command is run by `sh`, confined, in a copy of the commit's files.

    Args:
        sha: the commit whose files are copied: for migrations that are undone, the one that is live.
        migrations: names of those that are expected to run, in order.
        directory: of their files in the repository; empty where only the stack's tool knows.
        suffix: of their files.
        table: that records which migrations ran.
        packages: how the commit's packages are brought.
        setup: what runs before, in the order in which production does it.
        ask: prints the framework's own list of migrations; None where the recipe has no way to ask.
        apply: runs all of them as in production.
        undo: undoes them; None where the recipe cannot, or they are being undone.
        backup: ID of the backup whose rows the copy gets; None for those of the live database.
        direction: whether they are run or undone, the newest first.
        environment_file: of the application, relative to its folder; empty where it has none.
        python: the live virtual environment, which the code sees: absolute, or relative to the application's folder;
            None where it needs none, as in what earlier versions stored.
        records: how the table is written; None for a row by the migration's name, as Laravel does.
    """

    act: ClassVar = "sandbox_rehearsal"
    sha: str
    migrations: tuple[str, ...]
    directory: str
    suffix: str
    table: str
    packages: PackageTool
    setup: Command
    ask: Command | None
    apply: Command
    undo: Command | None
    backup: str | None
    direction: Direction
    environment_file: str
    python: str | None = field(default=None, metadata=stored(optional=True, omit_none=True))
    records: MigrationRecords | None = field(default=None, metadata=stored(optional=True, omit_none=True))


@dataclass(frozen=True)
class Download:
    """Download the packages that a commit adds, as far as its lock file allows; unpack and run nothing of them.

    Args:
        sha: the commit.
        directory: its release's folder on the host; what is downloaded lies in that folder's own git folder.
    """

    act: ClassVar = "download"
    sha: str
    directory: str


@dataclass(frozen=True)
class ApprovedLoss:
    """How many rows of a table may be gone after the migrations.

    Args:
        table: its name.
        before: rows that it had when that was found out; None where it is not known.
        lost: how many of them were gone.
    """

    table: str
    before: int | None
    lost: int


@dataclass(frozen=True)
class Migrate:
    """Run or undo exactly the approved migrations, by their files; refuse where the framework would do otherwise.

    Args:
        command: runs or undoes the files whose paths are its arguments.
        ask: prints what the framework's migrator says (`bot.domain.targets.migrator`).
        directory: on the host, of the application.
        expects: the commit that must be checked out there.
        files: of the migrations, in the order in which they run or are undone; filled in from the rehearsal when the
            plan is sealed, where there was one.
        dumps: of the schema; where the migrator would load one first, it must be one of these.
        direction: whether they run or are undone.
        table: in which the framework records migrations.
        losses: of the tables whose rows are counted before and after; filled in when the plan is sealed.
    """

    act: ClassVar = "migrate"
    command: Command
    ask: Command
    directory: str
    expects: str
    files: tuple[MigrationSource, ...]
    dumps: tuple[MigrationSource, ...]
    direction: Direction
    table: str
    losses: tuple[ApprovedLoss, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the migrations, in the order in which they run or are undone."""
        return tuple(file.name for file in self.files)


@dataclass(frozen=True)
class AsRehearsed:
    """Compare the schema with the result of the rehearsal.

    Args:
        expected: the canonical schema by table that the migrations changed, empty for a dropped table; filled in when
            the plan is sealed.
        digests: of every table of the rehearsed schema, by name; None where there is no more than `expected`.
    """

    act: ClassVar = "as_rehearsed"
    expected: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] | None = field(default=None, metadata=stored(optional=True, omit_none=True))


Act = (
    Shell
    | Dump
    | Prove
    | Discard
    | Load
    | Swap
    | DropOld
    | DropCopy
    | Preflight
    | Health
    | HostHealth
    | NothingPending
    | Undone
    | Preview
    | Rehearse
    | SandboxRehearsal
    | Download
    | Migrate
    | AsRehearsed
)
"""What a step does. A new act is a class here, with the name under which it is stored, and a performer for it."""
