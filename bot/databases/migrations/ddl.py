"""The effects of a migration's statements, read from the SQL that the application would run. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from bot.databases.migrations.sql_lexer import (
    SqlTokenKind,
    Token,
    UnreadableSqlError,
    clauses,
    crosses_databases,
    tokens,
)


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
    """The rules do not cover it."""


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


def read_statement(sql: str) -> MigrationStatement:
    """Read the effects of a statement; one that cannot be read has the effect `unknown`.

    Args:
        sql: one statement.
    """
    try:
        row = tokens(sql)
    except UnreadableSqlError:
        return MigrationStatement(
            sql, Operation.OTHER, "", (StatementEffect(EffectKind.UNKNOWN, ""),), self_contained=False
        )
    operation, rest = _operation(row)
    table, effects = _READERS[operation](rest)
    one = not any(token.is_mark(";") for token in row[:-1])
    if not one:
        effects = (*effects, StatementEffect(EffectKind.UNKNOWN, table))
    return MigrationStatement(sql, operation, table, effects, self_contained=one and not crosses_databases(row))


_HEADS: tuple[tuple[tuple[str, ...], Operation], ...] = (
    (("CREATE", "TABLE"), Operation.CREATE_TABLE),
    (("CREATE", "INDEX"), Operation.CREATE_INDEX),
    (("ALTER", "TABLE"), Operation.ALTER_TABLE),
    (("DROP", "TABLE"), Operation.DROP_TABLE),
    (("DROP", "INDEX"), Operation.DROP_INDEX),
    (("RENAME", "TABLE"), Operation.RENAME_TABLE),
    (("TRUNCATE",), Operation.TRUNCATE),
    (("INSERT",), Operation.INSERT),
    (("UPDATE",), Operation.UPDATE),
    (("DELETE",), Operation.DELETE),
    (("REPLACE",), Operation.REPLACE),
    (("SELECT",), Operation.SELECT),
    (("SHOW",), Operation.SELECT),
)
_BETWEEN = ("UNIQUE", "FULLTEXT", "SPATIAL", "ONLINE", "OFFLINE", "IGNORE")


def _operation(row: tuple[Token, ...]) -> tuple[Operation, tuple[Token, ...]]:
    plain = tuple(token for index, token in enumerate(row) if not (0 < index < 3 and token.is_word(*_BETWEEN)))
    for words, operation in _HEADS:
        if len(plain) >= len(words) and all(token.is_word(word) for token, word in zip(plain, words, strict=False)):
            return operation, _without_existence(plain[len(words) :])
    return Operation.OTHER, row


def _without_existence(row: tuple[Token, ...]) -> tuple[Token, ...]:
    """Drop a leading `IF EXISTS`, `IF NOT EXISTS`."""
    for words in (("IF", "NOT", "EXISTS"), ("IF", "EXISTS")):
        if len(row) >= len(words) and all(token.is_word(word) for token, word in zip(row, words, strict=False)):
            return row[len(words) :]
    return row


def _name(row: tuple[Token, ...]) -> tuple[str, tuple[Token, ...]]:
    """Read a name, perhaps qualified, and what follows it."""
    if not row or not row[0].can_name:
        return "", row
    if len(row) >= 3 and row[1].is_mark(".") and row[2].can_name:
        return f"{row[0].text}.{row[2].text}", row[3:]
    return row[0].text, row[1:]


TableAndEffects = tuple[str, tuple[StatementEffect, ...]]


def _create_table(row: tuple[Token, ...]) -> TableAndEffects:
    table, _ = _name(row)
    return table, (StatementEffect(EffectKind.TABLE_CREATED, table),)


def _drop_table(row: tuple[Token, ...]) -> TableAndEffects:
    dropped = [_name(part)[0] for part in clauses(row)]
    return (dropped[0] if dropped else ""), tuple(StatementEffect(EffectKind.TABLE_DROPPED, table) for table in dropped)


def _rename_table(row: tuple[Token, ...]) -> TableAndEffects:
    pairs = []
    for part in clauses(row):
        old, rest = _name(part)
        pairs.append((old, _name(rest[1:])[0]))
    return (pairs[0][0] if pairs else ""), tuple(
        StatementEffect(EffectKind.TABLE_RENAMED, old, new) for old, new in pairs
    )


def _truncate(row: tuple[Token, ...]) -> TableAndEffects:
    table, _ = _name(row[1:] if row and row[0].is_word("TABLE") else row)
    return table, (StatementEffect(EffectKind.ROWS_DELETED, table),)


def _index_of(kind: EffectKind, row: tuple[Token, ...]) -> TableAndEffects:
    index, rest = _name(row)
    on = next((place for place, token in enumerate(rest) if token.is_word("ON")), None)
    table = _name(rest[on + 1 :])[0] if on is not None else ""
    return table, (StatementEffect(kind, table, index),)


def _create_index(row: tuple[Token, ...]) -> TableAndEffects:
    return _index_of(EffectKind.INDEX_ADDED, row)


def _drop_index(row: tuple[Token, ...]) -> TableAndEffects:
    return _index_of(EffectKind.INDEX_DROPPED, row)


_MODIFIERS = ("LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "QUICK", "IGNORE", "INTO", "FROM")


def _written(row: tuple[Token, ...]) -> tuple[str, tuple[Token, ...]]:
    while row and row[0].is_word(*_MODIFIERS):
        row = row[1:]
    return _name(row)


def _insert(row: tuple[Token, ...]) -> TableAndEffects:
    table, rest = _written(row)
    updates = any(token.is_word("DUPLICATE") and after.is_word("KEY") for token, after in pairwise(rest))
    return table, (StatementEffect(EffectKind.ROWS_CHANGED if updates else EffectKind.ROWS_ADDED, table),)


def _update(row: tuple[Token, ...]) -> TableAndEffects:
    table, rest = _written(row)
    set_at = next((place for place, token in enumerate(rest) if token.is_word("SET")), None)
    if set_at is None:
        return table, (StatementEffect(EffectKind.ROWS_CHANGED, table),)
    columns = []
    for part in clauses(_until(rest[set_at + 1 :], "WHERE", "ORDER", "LIMIT")):
        column, after = _name(part)
        if not after or not after[0].is_mark("="):
            return table, (StatementEffect(EffectKind.ROWS_CHANGED, table),)
        columns.append(column.rpartition(".")[2])
    if set_at > 0:  # several tables, or an alias: the columns cannot be assigned to tables
        return table, (StatementEffect(EffectKind.ROWS_CHANGED, table),)
    return table, tuple(StatementEffect(EffectKind.ROWS_CHANGED, table, column) for column in columns)


def _until(row: tuple[Token, ...], *words: str) -> tuple[Token, ...]:
    depth = 0
    for place, token in enumerate(row):
        depth += token.is_mark("(") - token.is_mark(")")
        if depth == 0 and token.is_word(*words):
            return row[:place]
    return row


def _delete(row: tuple[Token, ...]) -> TableAndEffects:
    table, _ = _written(row)
    return table, (StatementEffect(EffectKind.ROWS_DELETED, table),)


def _replace(row: tuple[Token, ...]) -> TableAndEffects:
    table, _ = _written(row)
    return table, (StatementEffect(EffectKind.ROWS_CHANGED, table),)


def _select(row: tuple[Token, ...]) -> TableAndEffects:
    return "", ()


def _other(row: tuple[Token, ...]) -> TableAndEffects:
    if row and row[0].is_word("SET", "START", "COMMIT", "BEGIN", "USE", "ANALYZE"):
        return "", ()
    return "", (StatementEffect(EffectKind.UNKNOWN, ""),)


def _alter_table(row: tuple[Token, ...]) -> TableAndEffects:
    table, rest = _name(row)
    return table, tuple(effects for clause in clauses(rest) for effects in _alteration(table, clause))


_KEYS = ("INDEX", "KEY", "UNIQUE", "FULLTEXT", "SPATIAL", "PRIMARY", "FOREIGN", "CONSTRAINT", "CHECK")
_NOT_A_COLUMN = (*_KEYS, "PARTITION", "SYSTEM", "PERIOD")


def _alteration(table: str, clause: tuple[Token, ...]) -> tuple[StatementEffect, ...]:
    if not clause:
        return ()
    head, rest = clause[0], clause[1:]
    if head.is_word("ADD"):
        return _added(table, rest)
    if head.is_word("DROP"):
        return _dropped(table, rest)
    if head.is_word("MODIFY"):
        column, definition = _column(rest)
        return (StatementEffect(EffectKind.COLUMN_CHANGED, table, column), *_required(table, column, definition))
    if head.is_word("CHANGE"):
        old, after = _column(rest)
        new, definition = _name(after)
        if old.lower() != new.lower():
            return (
                StatementEffect(EffectKind.COLUMN_RENAMED, table, old),
                StatementEffect(EffectKind.COLUMN_CHANGED, table, old),
            )
        return (StatementEffect(EffectKind.COLUMN_CHANGED, table, old), *_required(table, old, definition))
    if head.is_word("RENAME"):
        return _renamed(table, rest)
    if head.is_word("TRUNCATE"):
        return (StatementEffect(EffectKind.ROWS_DELETED, table),)
    return (StatementEffect(EffectKind.TABLE_CHANGED, table),)


def _column(row: tuple[Token, ...]) -> tuple[str, tuple[Token, ...]]:
    if len(row) > 1 and row[0].is_word("COLUMN"):
        row = row[1:]
    return _name(_without_existence(row))


def _required(table: str, column: str, definition: tuple[Token, ...]) -> tuple[StatementEffect, ...]:
    words = [token.text.upper() for token in definition if token.kind is SqlTokenKind.WORD]
    pairs = list(pairwise(words))
    given = {"DEFAULT", "AUTO_INCREMENT", "GENERATED", "AS", "SERIAL"} & set(words)
    if ("NOT", "NULL") in pairs and not given:
        return (StatementEffect(EffectKind.COLUMN_REQUIRED, table, column),)
    return ()


def _added(table: str, rest: tuple[Token, ...]) -> tuple[StatementEffect, ...]:
    if rest and rest[0].is_word(*_NOT_A_COLUMN):
        name = next((token.text for token in rest if token.kind is SqlTokenKind.NAME), "")
        return (
            StatementEffect(
                EffectKind.INDEX_ADDED if rest[0].is_word(*_KEYS) else EffectKind.TABLE_CHANGED, table, name
            ),
        )
    if rest and rest[0].is_word("COLUMN"):
        rest = rest[1:]
    rest = _without_existence(rest)
    if rest and rest[0].is_mark("("):
        parts = clauses(rest[1:-1])
        return tuple(effects for part in parts for effects in _added(table, part))
    column, definition = _name(rest)
    return (StatementEffect(EffectKind.COLUMN_ADDED, table, column), *_required(table, column, definition))


def _dropped(table: str, rest: tuple[Token, ...]) -> tuple[StatementEffect, ...]:
    if rest and rest[0].is_word("PARTITION"):
        return (StatementEffect(EffectKind.ROWS_DELETED, table),)
    if rest and rest[0].is_word(*_NOT_A_COLUMN):
        name = next((token.text for token in rest if token.kind is SqlTokenKind.NAME), "")
        return (StatementEffect(EffectKind.INDEX_DROPPED, table, name),)
    column, _ = _column(rest)
    return (StatementEffect(EffectKind.COLUMN_DROPPED, table, column),)


def _renamed(table: str, rest: tuple[Token, ...]) -> tuple[StatementEffect, ...]:
    if rest and rest[0].is_word("COLUMN"):
        return (StatementEffect(EffectKind.COLUMN_RENAMED, table, _name(rest[1:])[0]),)
    if rest and rest[0].is_word("INDEX", "KEY"):
        return (StatementEffect(EffectKind.TABLE_CHANGED, table),)
    new = _name(rest[1:] if rest and rest[0].is_word("TO", "AS") else rest)[0]
    return (StatementEffect(EffectKind.TABLE_RENAMED, table, new),)


_READERS = {
    Operation.CREATE_TABLE: _create_table,
    Operation.ALTER_TABLE: _alter_table,
    Operation.DROP_TABLE: _drop_table,
    Operation.RENAME_TABLE: _rename_table,
    Operation.TRUNCATE: _truncate,
    Operation.CREATE_INDEX: _create_index,
    Operation.DROP_INDEX: _drop_index,
    Operation.INSERT: _insert,
    Operation.UPDATE: _update,
    Operation.DELETE: _delete,
    Operation.REPLACE: _replace,
    Operation.SELECT: _select,
    Operation.OTHER: _other,
}
