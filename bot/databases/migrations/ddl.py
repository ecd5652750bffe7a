"""What the statements of a migration do, read from the SQL that the application says it would run. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from bot.databases.migrations.sql_lexer import Token, TokenKind, UnreadableSqlError, clauses, crosses_databases, tokens


class Operation(StrEnum):
    """What a statement is."""

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
    """A view, a routine, a setting, or something that these rules do not read."""


class Effect(StrEnum):
    """What a statement does to one thing."""

    TABLE_CREATED = "table_created"
    TABLE_DROPPED = "table_dropped"
    TABLE_RENAMED = "table_renamed"
    COLUMN_ADDED = "column_added"
    COLUMN_REQUIRED = "column_required"
    """Added or changed to NOT NULL without a default: who writes without naming it is refused."""
    COLUMN_DROPPED = "column_dropped"
    COLUMN_RENAMED = "column_renamed"
    COLUMN_CHANGED = "column_changed"
    COLUMN_CUT = "column_cut"
    """Changed to a type that cannot hold what the old one held, and the server cuts or rounds without an error."""
    INDEX_ADDED = "index_added"
    INDEX_DROPPED = "index_dropped"
    ROWS_ADDED = "rows_added"
    ROWS_CHANGED = "rows_changed"
    ROWS_FILLED = "rows_filled"
    """Changed, but only in columns that the same run has added: nothing is overwritten."""
    ROWS_DELETED = "rows_deleted"
    TABLE_CHANGED = "table_changed"
    UNKNOWN = "unknown"
    """These rules cannot tell."""


DESTROYS = frozenset(
    {Effect.TABLE_DROPPED, Effect.COLUMN_DROPPED, Effect.COLUMN_CUT, Effect.ROWS_CHANGED, Effect.ROWS_DELETED}
)
"""What drops or rewrites data."""

BREAKS_OLD_CODE = frozenset(
    {
        Effect.TABLE_DROPPED,
        Effect.TABLE_RENAMED,
        Effect.COLUMN_DROPPED,
        Effect.COLUMN_RENAMED,
        Effect.COLUMN_REQUIRED,
    }
)
"""What code that was written before it cannot live with."""


@dataclass(frozen=True)
class Done:
    """One effect of a statement.

    Args:
        effect: which.
        table: of which table, as it is called before; empty where unknown.
        name: of the column or index, or what a table is called afterwards; empty where the table itself is meant.
    """

    effect: Effect
    table: str
    name: str = ""

    @property
    def what(self) -> str:
        """The thing, for people: `users.fax` or `users`."""
        return f"{self.table}.{self.name}" if self.name else self.table


@dataclass(frozen=True)
class Statement:
    """One statement of a migration.

    Args:
        sql: as the application would send it, placeholders included.
        operation: what it is.
        table: the first table it changes; empty where it changes none, or unknown.
        done: its effects.
        apart: whether it names no other database and hides nothing, so that it may be tried on an empty copy.
    """

    sql: str
    operation: Operation
    table: str
    done: tuple[Done, ...]
    apart: bool


# ── what the application prints ──────────────────────────────────────────────────────────────────────────────────────

_OLD_FORM = re.compile(r"^(?P<label>(?:[A-Z]\w*|\d{4}_\d\d_\d\d_\d{6}_\w+)): (?P<sql>\S.*)$")
"""Laravel to version 8: `AddTokenId: alter table …`; of an anonymous class, the migration's own name."""

_HEADING = re.compile(r"^ {1,2}(?P<label>[^\s⇂]\S*) \.{2,}")
"""Laravel since version 9: the migration's name and dots."""

_BULLET = re.compile(r"^\s*⇂ ?(?P<sql>.*)$")
_CHATTER = re.compile(r"^\s*(?:INFO|WARN|Nothing to |Migrating:|Migrated:|Rolling back:|Rolled back:|\*+\s*$|\*\s)")


def pretended(text: str) -> tuple[tuple[str, str], ...]:
    """Read what `artisan migrate` or `migrate:rollback` printed with `--pretend`, as version 8 does or 9 and later do.

    Args:
        text: its output, without colours.

    Returns:
        Pairs of what the migration is called there (its class, or its name) and a statement, in order.
    """
    found: list[tuple[str, list[str]]] = []
    heading = ""
    for line in text.splitlines():
        if (match := _HEADING.match(line)) is not None:
            heading = match["label"]
        elif (match := _BULLET.match(line)) is not None:
            found.append((heading, [match["sql"]]))
        elif not heading and (match := _OLD_FORM.match(line)) is not None:
            found.append((match["label"], [match["sql"]]))
        elif found and line.strip() and not _CHATTER.match(line):
            found[-1][1].append(line)
    return tuple((label, "\n".join(lines).strip()) for label, lines in found)


# ── what a statement does ────────────────────────────────────────────────────────────────────────────────────────────


def read_statement(sql: str) -> Statement:
    """Say what a statement does. One that these rules do not read has the effect `unknown`.

    Args:
        sql: one statement.
    """
    try:
        row = tokens(sql)
    except UnreadableSqlError:
        return Statement(sql, Operation.OTHER, "", (Done(Effect.UNKNOWN, ""),), apart=False)
    operation, rest = _operation(row)
    table, done = _READERS[operation](rest)
    one = not any(token.is_mark(";") for token in row[:-1])
    if not one:
        done = (*done, Done(Effect.UNKNOWN, table))
    return Statement(sql, operation, table, done, apart=one and not crosses_databases(row))


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


Read = tuple[str, tuple[Done, ...]]


def _create_table(row: tuple[Token, ...]) -> Read:
    table, _ = _name(row)
    return table, (Done(Effect.TABLE_CREATED, table),)


def _drop_table(row: tuple[Token, ...]) -> Read:
    dropped = [_name(part)[0] for part in clauses(row)]
    return (dropped[0] if dropped else ""), tuple(Done(Effect.TABLE_DROPPED, table) for table in dropped)


def _rename_table(row: tuple[Token, ...]) -> Read:
    pairs = []
    for part in clauses(row):
        old, rest = _name(part)
        pairs.append((old, _name(rest[1:])[0]))
    return (pairs[0][0] if pairs else ""), tuple(Done(Effect.TABLE_RENAMED, old, new) for old, new in pairs)


def _truncate(row: tuple[Token, ...]) -> Read:
    table, _ = _name(row[1:] if row and row[0].is_word("TABLE") else row)
    return table, (Done(Effect.ROWS_DELETED, table),)


def _index_of(effect: Effect, row: tuple[Token, ...]) -> Read:
    index, rest = _name(row)
    on = next((place for place, token in enumerate(rest) if token.is_word("ON")), None)
    table = _name(rest[on + 1 :])[0] if on is not None else ""
    return table, (Done(effect, table, index),)


def _create_index(row: tuple[Token, ...]) -> Read:
    return _index_of(Effect.INDEX_ADDED, row)


def _drop_index(row: tuple[Token, ...]) -> Read:
    return _index_of(Effect.INDEX_DROPPED, row)


_MODIFIERS = ("LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "QUICK", "IGNORE", "INTO", "FROM")


def _written(row: tuple[Token, ...]) -> tuple[str, tuple[Token, ...]]:
    while row and row[0].is_word(*_MODIFIERS):
        row = row[1:]
    return _name(row)


def _insert(row: tuple[Token, ...]) -> Read:
    table, rest = _written(row)
    updates = any(token.is_word("DUPLICATE") and after.is_word("KEY") for token, after in pairwise(rest))
    return table, (Done(Effect.ROWS_CHANGED if updates else Effect.ROWS_ADDED, table),)


def _update(row: tuple[Token, ...]) -> Read:
    table, rest = _written(row)
    set_at = next((place for place, token in enumerate(rest) if token.is_word("SET")), None)
    if set_at is None:
        return table, (Done(Effect.ROWS_CHANGED, table),)
    columns = []
    for part in clauses(_until(rest[set_at + 1 :], "WHERE", "ORDER", "LIMIT")):
        column, after = _name(part)
        if not after or not after[0].is_mark("="):
            return table, (Done(Effect.ROWS_CHANGED, table),)
        columns.append(column.rpartition(".")[2])
    if set_at > 0:  # several tables, or an alias: which column is whose cannot be told
        return table, (Done(Effect.ROWS_CHANGED, table),)
    return table, tuple(Done(Effect.ROWS_CHANGED, table, column) for column in columns)


def _until(row: tuple[Token, ...], *words: str) -> tuple[Token, ...]:
    depth = 0
    for place, token in enumerate(row):
        depth += token.is_mark("(") - token.is_mark(")")
        if depth == 0 and token.is_word(*words):
            return row[:place]
    return row


def _delete(row: tuple[Token, ...]) -> Read:
    table, _ = _written(row)
    return table, (Done(Effect.ROWS_DELETED, table),)


def _replace(row: tuple[Token, ...]) -> Read:
    table, _ = _written(row)
    return table, (Done(Effect.ROWS_CHANGED, table),)


def _select(row: tuple[Token, ...]) -> Read:
    return "", ()


def _other(row: tuple[Token, ...]) -> Read:
    if row and row[0].is_word("SET", "START", "COMMIT", "BEGIN", "USE", "ANALYZE"):
        return "", ()
    return "", (Done(Effect.UNKNOWN, ""),)


def _alter_table(row: tuple[Token, ...]) -> Read:
    table, rest = _name(row)
    return table, tuple(done for clause in clauses(rest) for done in _alteration(table, clause))


_KEYS = ("INDEX", "KEY", "UNIQUE", "FULLTEXT", "SPATIAL", "PRIMARY", "FOREIGN", "CONSTRAINT", "CHECK")
_NOT_A_COLUMN = (*_KEYS, "PARTITION", "SYSTEM", "PERIOD")


def _alteration(table: str, clause: tuple[Token, ...]) -> tuple[Done, ...]:
    if not clause:
        return ()
    head, rest = clause[0], clause[1:]
    if head.is_word("ADD"):
        return _added(table, rest)
    if head.is_word("DROP"):
        return _dropped(table, rest)
    if head.is_word("MODIFY"):
        column, definition = _column(rest)
        return (Done(Effect.COLUMN_CHANGED, table, column), *_required(table, column, definition))
    if head.is_word("CHANGE"):
        old, after = _column(rest)
        new, definition = _name(after)
        if old.lower() != new.lower():
            return (Done(Effect.COLUMN_RENAMED, table, old), Done(Effect.COLUMN_CHANGED, table, old))
        return (Done(Effect.COLUMN_CHANGED, table, old), *_required(table, old, definition))
    if head.is_word("RENAME"):
        return _renamed(table, rest)
    if head.is_word("TRUNCATE"):
        return (Done(Effect.ROWS_DELETED, table),)
    return (Done(Effect.TABLE_CHANGED, table),)


def _column(row: tuple[Token, ...]) -> tuple[str, tuple[Token, ...]]:
    if len(row) > 1 and row[0].is_word("COLUMN"):
        row = row[1:]
    return _name(_without_existence(row))


def _required(table: str, column: str, definition: tuple[Token, ...]) -> tuple[Done, ...]:
    words = [token.text.upper() for token in definition if token.kind is TokenKind.WORD]
    pairs = list(pairwise(words))
    given = {"DEFAULT", "AUTO_INCREMENT", "GENERATED", "AS", "SERIAL"} & set(words)
    if ("NOT", "NULL") in pairs and not given:
        return (Done(Effect.COLUMN_REQUIRED, table, column),)
    return ()


def _added(table: str, rest: tuple[Token, ...]) -> tuple[Done, ...]:
    if rest and rest[0].is_word(*_NOT_A_COLUMN):
        name = next((token.text for token in rest if token.kind is TokenKind.NAME), "")
        return (Done(Effect.INDEX_ADDED if rest[0].is_word(*_KEYS) else Effect.TABLE_CHANGED, table, name),)
    if rest and rest[0].is_word("COLUMN"):
        rest = rest[1:]
    rest = _without_existence(rest)
    if rest and rest[0].is_mark("("):
        parts = clauses(rest[1:-1])
        return tuple(done for part in parts for done in _added(table, part))
    column, definition = _name(rest)
    return (Done(Effect.COLUMN_ADDED, table, column), *_required(table, column, definition))


def _dropped(table: str, rest: tuple[Token, ...]) -> tuple[Done, ...]:
    if rest and rest[0].is_word("PARTITION"):
        return (Done(Effect.ROWS_DELETED, table),)
    if rest and rest[0].is_word(*_NOT_A_COLUMN):
        name = next((token.text for token in rest if token.kind is TokenKind.NAME), "")
        return (Done(Effect.INDEX_DROPPED, table, name),)
    column, _ = _column(rest)
    return (Done(Effect.COLUMN_DROPPED, table, column),)


def _renamed(table: str, rest: tuple[Token, ...]) -> tuple[Done, ...]:
    if rest and rest[0].is_word("COLUMN"):
        return (Done(Effect.COLUMN_RENAMED, table, _name(rest[1:])[0]),)
    if rest and rest[0].is_word("INDEX", "KEY"):
        return (Done(Effect.TABLE_CHANGED, table),)
    new = _name(rest[1:] if rest and rest[0].is_word("TO", "AS") else rest)[0]
    return (Done(Effect.TABLE_RENAMED, table, new),)


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
