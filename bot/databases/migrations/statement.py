"""A statement of a migration, and its effects. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Operation(StrEnum):
    """The kind of a statement."""

    CREATE_TABLE = "create_table"
    ALTER_TABLE = "alter_table"
    DROP_TABLE = "drop_table"
    RENAME_TABLE = "rename_table"
    TRUNCATE = "truncate"
    CREATE_INDEX = "create_index"
    DROP_INDEX = "drop_index"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"
    SELECT = "select"
    OTHER = "other"
    """A view, a routine, a setting, or something that the rules do not cover."""


class EffectKind(StrEnum):
    """The kind of an effect on one table, column or index."""

    TABLE_CREATED = "table_created"
    TABLE_DROPPED = "table_dropped"
    TABLE_RENAMED = "table_renamed"
    COLUMN_ADDED = "column_added"
    COLUMN_REQUIRED = "column_required"
    """Added or changed to NOT NULL without a default, so that inserts that do not name it are refused."""
    COLUMN_DROPPED = "column_dropped"
    COLUMN_RENAMED = "column_renamed"
    COLUMN_CHANGED = "column_changed"
    COLUMN_CUT = "column_cut"
    """Changed to a type that does not hold every value of the old one."""
    INDEX_ADDED = "index_added"
    INDEX_DROPPED = "index_dropped"
    ROWS_ADDED = "rows_added"
    ROWS_CHANGED = "rows_changed"
    ROWS_FILLED = "rows_filled"
    """Changed only in columns that the same run has added, so that nothing is overwritten."""
    ROWS_DELETED = "rows_deleted"
    TABLE_CHANGED = "table_changed"
    UNKNOWN = "unknown"
    """It is not certain that all data is kept."""


DESTROYS = frozenset(
    {
        EffectKind.TABLE_DROPPED,
        EffectKind.COLUMN_DROPPED,
        EffectKind.COLUMN_CUT,
        EffectKind.ROWS_CHANGED,
        EffectKind.ROWS_DELETED,
    }
)
"""Effects that drop or rewrite data."""

BREAKS_OLD_CODE = frozenset(
    {
        EffectKind.TABLE_DROPPED,
        EffectKind.TABLE_RENAMED,
        EffectKind.COLUMN_DROPPED,
        EffectKind.COLUMN_RENAMED,
        EffectKind.COLUMN_REQUIRED,
    }
)
"""Effects that break code written before them."""


@dataclass(frozen=True)
class StatementEffect:
    """One effect of a statement.

    Args:
        kind: which.
        table: of which table, as it is called before; empty where unknown.
        name: of the column or index, or what a table is called afterwards; empty where the table itself is meant.
    """

    kind: EffectKind
    table: str
    name: str = ""

    @property
    def what(self) -> str:
        """The thing, for people: `users.fax` or `users`."""
        return f"{self.table}.{self.name}" if self.name else self.table


@dataclass(frozen=True)
class MigrationStatement:
    """One statement of a migration.

    Args:
        sql: as the application would send it, placeholders included.
        operation: what it is.
        table: the first table it changes; empty where it changes none, or unknown.
        effects: its effects.
        self_contained: whether it names no other database and has no hidden parts: it may be tried on an empty copy.
    """

    sql: str
    operation: Operation
    table: str
    effects: tuple[StatementEffect, ...]
    self_contained: bool
