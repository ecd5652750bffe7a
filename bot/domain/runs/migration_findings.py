"""Findings about migrations: what they are, and what they did or would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from bot.domain.runs.migration_risk import DownMethod, EffectKind, MigrationRisk, Online, Operation, RiskReason
from bot.domain.runs.stored_facts import StoredFacts, written


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
class ValuesLost(StoredFacts):
    """How much a table or column held that migrations drop, when it was counted before anybody was asked.

    Args:
        table: its name.
        column: of the table; empty for the whole table.
        values: rows of the table that have a value in the column, or all of them; None if not counted in time.
        rows: of the table; None likewise.
    """

    kind: ClassVar = "values"
    table: str
    column: str = ""
    values: int | None = None
    rows: int | None = None


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


class ReleaseOrder(StrEnum):
    """What comes first when a release goes live with migrations."""

    MIGRATE_FIRST = "migrate_first"
    """The live code can live with the new schema; the site stays up."""
    SWITCH_FIRST = "switch_first"
    """The new code can live with the old schema; the site stays up."""
    MAINTENANCE = "maintenance"
    """Neither, or nobody knows: the site is down meanwhile."""


class OrderReason(StrEnum):
    """Why that comes first."""

    ADDS = "adds"
    """The migrations only add."""
    DROPS = "drops"
    """They only drop what the new code does not use."""
    REQUIRED = "required"
    """They drop a column that the new code would have to fill as long as it is there."""
    BREAKS = "breaks"
    """The live code breaks once they ran."""
    CHANGES = "changes"
    """They change what is there, and it is not known whether the live code can live with that."""
    UNKNOWN = "unknown"
    """What they do is not known."""


@dataclass(frozen=True)
class SwitchOrder(StoredFacts):
    """What comes first when a release goes live with migrations.

    Args:
        order: of the switch and the migrations.
        reason: why.
        what: the tables and columns that the reason is about; may be empty.
    """

    kind: ClassVar = "switch_order"
    order: ReleaseOrder
    reason: OrderReason
    what: tuple[str, ...] = ()

    @property
    def takes_down(self) -> bool:
        """Whether the site is down meanwhile."""
        return self.order is ReleaseOrder.MAINTENANCE


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
