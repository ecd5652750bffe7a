"""Findings about the rehearsal: where and on what it ran or why not, the way back, and what was tried from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from bot.domain.runs.stored_facts import StoredFacts, written


class RehearsedWhere(StrEnum):
    """Where migrations were rehearsed."""

    SANDBOX = "sandbox"
    """Cut off from production."""
    BESIDE_LIVE = "beside_live"
    """On the host and beside the live database, with production's rights."""
    SCRATCH_SERVER = "scratch_server"
    """On a database server that reaches nothing live."""


class RehearsedRows(StrEnum):
    """The rows that the copy held."""

    BACKUP = "backup"
    """Those of a backup."""
    COPIED = "copied"
    """Those of the live database."""
    SAMPLE = "sample"
    """The first ones of each live table."""
    NONE = "none"


class NoBackupData(StrEnum):
    """Why the copy did not get the data of a backup although it was wanted."""

    NO_BACKUP = "no_backup"
    BACKUP_UNREADABLE = "backup_unreadable"
    BACKUP_DAMAGED = "backup_damaged"
    SPACE = "space"
    """Too little room at the database server."""
    NOT_LOADED = "not_loaded"
    OTHER_SCHEMA = "other_schema"
    """Migrations ran since the backup, or the schema was changed otherwise."""


@dataclass(frozen=True)
class Rehearsed(StoredFacts):
    """The migrations ran in a rehearsal; if one had failed, the run would have ended before its gate.

    Args:
        migrations: how many ran.
        seconds: how long all of them took there; None in what earlier versions stored without it.
        rows: what the copy held.
        backup: ID of the backup whose data it held; empty if none's.
        made_at: when that backup was made.
        age: how old it was, in seconds.
        no_data: why the copy did not get the data of a backup; None if it did, or none was wanted.
        no_data_detail: words of the host or the server about it.
        routines_left_out: whether triggers and routines were not in the copy.
        statements: how many there are; those in the plan may be fewer.
        where: where; None in what earlier versions stored.
        preparing: fixed costs in seconds, such as starting the server and loading rows.
        sample_rows: the most rows of each table that the copy got, if it held a sample.
    """

    kind: ClassVar = "rehearsal"
    outcome: ClassVar = "ok"
    migrations: int | None = None
    seconds: Decimal | None = None
    rows: RehearsedRows | None = None
    backup: str = ""
    made_at: datetime | None = None
    age: int | None = None
    no_data: NoBackupData | None = None
    no_data_detail: str = ""
    routines_left_out: bool = field(default=False, metadata=written(name="routines", yes="left_out"))
    statements: int | None = None
    where: RehearsedWhere | None = field(default=None, metadata=written(omit=True))
    preparing: Decimal | None = field(default=None, metadata=written(omit=True))
    sample_rows: int | None = field(default=None, metadata=written(omit=True))


class NotRehearsedReason(StrEnum):
    """Why migrations were not rehearsed."""

    # by the configuration
    NEVER = "never"
    """The policy says so."""
    AFTER_APPROVAL = "after_approval"
    """The policy says that the rehearsal is the first step behind the gate."""
    RECIPE = "recipe"
    """The recipe knows no way to."""
    SCRATCH_OFF = "scratch_off"
    """The target allows no scratch database."""
    NOT_ON_BRANCH = "not_on_branch"
    """The commit is not on the environment's branch, which is the detail."""
    NOT_MYSQL = "not_mysql"
    """The application has another database, such as PostgreSQL or SQLite."""
    NAME_TOO_LONG = "name_too_long"
    # by the commit
    OTHER_CONNECTION = "other_connection"
    """A migration names a connection of its own."""
    SOURCE_MISSING = "source_missing"
    SUBMODULES = "submodules"
    """A submodule's commit is not on the host."""
    PACKAGES = "packages"
    """A package would come from where none may come from."""
    SETTINGS = "settings"
    """A value that no option file can hold."""
    INSTALL = "install"
    """Its packages could not be installed."""
    TREE = "tree"
    """Its files could not be laid out."""
    PATH = "path"
    """The application's path has characters that a sandbox cannot have."""
    # by the script beside the live database
    CONNECT = "connect"
    WORKTREE = "worktree"
    SCRATCH = "scratch"
    COPY = "copy"
    SETUP = "setup"
    PROBE = "probe"
    ELSEWHERE = "elsewhere"
    # by the host, as the obstacles of `bot.sandbox`
    TOOLS = "tools"
    NAMESPACES = "namespaces"
    CONFINEMENT = "confinement"
    SERVER = "server"
    VERSION = "version"
    MEMORY = "memory"
    DISK = "disk"
    UNWRITABLE = "unwritable"
    BUSY = "busy"
    TEMPLATE = "template"
    START = "start"
    HARD_LINKS = "hard_links"
    ENVIRONMENT = "environment"
    LACKS = "lacks"
    FORBIDDEN = "forbidden"
    LOST = "lost"
    # while it ran
    STOPPED = "stopped"
    """A limit ended it."""


class SandboxLimit(StrEnum):
    """A limit of the sandbox."""

    TIME = "time"
    MEMORY = "memory"
    DISK = "disk"


@dataclass(frozen=True)
class NotRehearsed(StoredFacts):
    """The migrations were not rehearsed, so nobody knows what they do.

    Args:
        reason: why.
        detail: words of the host or the server, or the thing the reason is about.
        statements: how many there are, if they could be previewed.
        package: that may not be fetched.
        host: that the package would come from.
        limit: that ended it.
        remedy: lines for an administrator of the host that make a rehearsal possible.
    """

    kind: ClassVar = "rehearsal"
    outcome: ClassVar = "not_possible"
    reason: NotRehearsedReason = field(metadata=written(name="why"))
    detail: str = field(default="", metadata=written(omit=True))
    statements: int | None = field(default=None, metadata=written(omit=True))
    package: str = field(default="", metadata=written(omit=True))
    host: str = field(default="", metadata=written(omit=True))
    limit: SandboxLimit | None = field(default=None, metadata=written(omit=True))
    remedy: tuple[str, ...] = field(default=(), metadata=written(omit=True))


class WayBackState(StrEnum):
    """How the way back ended in the rehearsal."""

    EXACT = "exact"
    """The schema was as before."""
    DIFFERS = "differs"
    """Something of the schema was not as before."""
    FAILED = "failed"
    """Undoing failed."""
    NONE = "none"
    """Nothing says how to undo."""
    NOT_REHEARSED = "not_rehearsed"


@dataclass(frozen=True)
class WayBack(StoredFacts):
    """What became of undoing the migrations in the rehearsal.

    Args:
        state: how it ended.
        lines: what is not as before, as a small diff; or the database's words about a failure.
    """

    kind: ClassVar = "way_back"
    state: WayBackState
    lines: tuple[str, ...] = field(default=(), metadata=written(omit=True))


class AttemptKind(StrEnum):
    """What code tried to reach out of the sandbox."""

    NETWORK = "network"
    FILE = "file"
    DATABASE = "database"
    PROCESS = "process"


@dataclass(frozen=True)
class SandboxAttempt(StoredFacts):
    """Something outside that the commit's code tried to reach from the sandbox.

    Args:
        attempt: what kind of thing.
        what: which, such as `read /etc/shadow`.
    """

    kind: ClassVar = "sandbox_attempt"
    attempt: AttemptKind
    what: str


class LackKind(StrEnum):
    """What a sandbox could not do on its host."""

    ADDRESS = "address"
    """The throwaway server could not answer at an address of the live one."""
    READS = "reads"
    """Whether files outside were read could not be seen."""
    WRITES = "writes"
    """Whether something was written outside could not be seen."""


@dataclass(frozen=True)
class SandboxLack(StoredFacts):
    """Something that the sandbox could not do on its host, so that the rehearsal shows less than elsewhere.

    Args:
        lack: what.
        what: which one, such as the address.
    """

    kind: ClassVar = "sandbox_lack"
    lack: LackKind
    what: str = field(default="", metadata=written(omit=True))
