"""A statement of a migration, and its effects. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.runs.migration_risk import EffectKind, Operation

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
