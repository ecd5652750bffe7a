"""Findings about migrations: what they are, what they did in the rehearsal, and what is not known of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from bot.domain.runs.migration_risk import DownMethod, EffectKind, MigrationRisk, Online, Operation, RiskReason
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


@dataclass(frozen=True)
class MigrationFinding(StoredFacts):
    """What is said of one migration that would run; there is one for each, in order.

    Args:
        name: of the migration.
        risk: of it.
        reason: why; None in what earlier versions stored without it.
        what: the thing the reason is about: `users.fax`, `users`, or the word of the source.
        seconds: how long it took in the rehearsal; None if it did not run.
        down: whether its source says how to undo it.
        preview: whether its SQL is known.
        statements: how many it has.
    """

    kind: ClassVar = "migration"
    name: str
    risk: MigrationRisk
    reason: RiskReason | None = None
    what: str = ""
    seconds: Decimal | None = None
    down: DownMethod | None = None
    preview: bool | None = None
    statements: int | None = None


@dataclass(frozen=True)
class RecordedEffect:
    """An effect of a statement on one thing.

    Args:
        kind: which.
        what: the thing: `users.fax` or `users`; empty where unknown.
    """

    kind: EffectKind
    what: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value} {self.what}".strip()

    @classmethod
    def of_text(cls, text: str) -> RecordedEffect:
        """Read what `str` gives.

        Raises:
            ValueError: it is of no known kind.
        """
        kind, _, what = text.partition(" ")
        return cls(EffectKind(kind), what)


@dataclass(frozen=True)
class StatementFinding(StoredFacts):
    """A statement of a migration, in order.

    Args:
        migration: its name.
        number: from 1 within the migration.
        sql: its text, perhaps cut, without literals where it ran.
        operation: what it is.
        table: the first one it changes; empty if none, or unknown.
        rows: of the live table, as the server estimates them; None for a table that is not there.
        bytes: likewise.
        online: how the server would change the table; None if it changes no table's structure.
        writes_wait: whether writers wait meanwhile; None as `online`.
        effects: its effects.
        destroys: whether it drops or rewrites data.
        times: how often it ran one after the other, with other literals; None if once, or it did not run.
        seconds: how long it took in the rehearsal; None if it did not run, or unknown.
    """

    kind: ClassVar = "statement"
    migration: str
    number: int | None = None
    sql: str = ""
    operation: Operation | None = None
    table: str = ""
    rows: int | None = None
    bytes: int | None = None
    online: Online | None = None
    writes_wait: bool | None = None
    effects: tuple[RecordedEffect, ...] = field(default=(), metadata=written(separator="; "))
    destroys: bool | None = None
    times: int | None = field(default=None, metadata=written(omit=True))
    seconds: Decimal | None = field(default=None, metadata=written(omit=True))


@dataclass(frozen=True)
class OldCode(StoredFacts):
    """A change that the code from before cannot live with while the deploy goes on.

    Args:
        migration: that makes it.
        effect: what it does.
        what: the column or table.
    """

    kind: ClassVar = "old_code"
    migration: str
    effect: EffectKind
    what: str


@dataclass(frozen=True)
class MigrationEffect(StoredFacts):
    """The change of the schema by one rehearsed migration, from which its progress is judged later.

    Args:
        migration: its name.
        brings: canonical lines (`bot.databases.server.schema.canonical`) that are there afterwards and were not before.
        takes: those that were there before and are not afterwards.
    """

    kind: ClassVar = "effect"
    migration: str
    brings: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SchemaChange(StoredFacts):
    """The change of one table by all migrations.

    Args:
        table: its name.
        lines: the change as a small diff: `+ user_sessions.token_id varchar(100) NULL, index`.
        after: the table as it must be afterwards, canonical; empty if it is dropped.
    """

    kind: ClassVar = "schema"
    table: str
    lines: tuple[str, ...] = ()
    after: str = ""


class RowsCounted(StrEnum):
    """Which rows of a table were counted."""

    ALL = "all"
    SAMPLE = "sample"
    """Those that the copy had: the first ones of the live table."""


@dataclass(frozen=True)
class RowsChanged(StoredFacts):
    """What became of the rows of one table in the rehearsal, by what was in it before and after.

    Args:
        table: its name.
        before: rows that the copy had before; None if not known.
        after: rows that it had afterwards; None if not known, or the table is gone.
        deleted: rows that were gone afterwards; None if not known.
        changed: rows that were different afterwards; None if not known.
        inserted: rows that were new; None if not known.
        of: which rows the copy had.
    """

    kind: ClassVar = "rows_changed"
    table: str
    before: int | None
    after: int | None
    deleted: int | None
    changed: int | None
    inserted: int | None
    of: RowsCounted

    @property
    def destroys(self) -> bool:
        """Whether rows went or were rewritten."""
        return bool(self.deleted or self.changed)

    @property
    def is_unknown(self) -> bool:
        """Whether rows may have gone or been rewritten, and it is not known how many."""
        return self.deleted is None or self.changed is None


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
        what: which, such as `10.0.0.5:6379`.
    """

    kind: ClassVar = "sandbox_attempt"
    attempt: AttemptKind
    what: str


@dataclass(frozen=True)
class MigrationFile(StoredFacts):
    """The file of a migration that would run; there is one for each, in the order in which they would run.

    Args:
        name: of the migration.
        path: of the file, relative to the application's folder.
        sha256: of the file, 64 hexadecimal digits.
    """

    kind: ClassVar = "migration_file"
    name: str
    path: str
    sha256: str


@dataclass(frozen=True)
class TableDigest:
    """How one table is.

    Args:
        table: its name.
        digest: first 16 hexadecimal digits of the SHA-256 of its canonical lines.
    """

    table: str
    digest: str

    def __str__(self) -> str:
        return f"{self.digest} {self.table}"

    @classmethod
    def of_text(cls, text: str) -> TableDigest:
        """Read what `str` gives."""
        digest, _, table = text.partition(" ")
        return cls(table, digest)


@dataclass(frozen=True)
class SchemaDigest(StoredFacts):
    """The whole schema after the rehearsal.

    Args:
        tables: each one.
    """

    kind: ClassVar = "schema_digest"
    tables: tuple[TableDigest, ...]

    @property
    def by_table(self) -> Mapping[str, str]:
        """The digest of each table by its name."""
        return {each.table: each.digest for each in self.tables}
