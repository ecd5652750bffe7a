"""What the statements of a migration do, read from their SQL. Pure.

A form that is not positively known to keep all data has the effect `unknown`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

from bot.databases.migrations.sql.catalog import Catalog
from bot.databases.migrations.sql.lexer import (
    SqlTokenKind,
    Token,
    UnreadableSqlError,
    clauses,
    crosses_databases,
    depends_on_sql_mode,
    starts_with,
    tokens,
)
from bot.databases.migrations.sql.names import is_qualified, read_name, without_existence, without_waiting
from bot.databases.migrations.sql.reading import only_reads
from bot.databases.migrations.sql.session_statements import leaves_data_alone
from bot.databases.migrations.sql.statement import BREAKS_OLD_CODE, DESTROYS, MigrationStatement, StatementEffect
from bot.databases.migrations.sql.table_alteration import alteration, alteration_that_ignores
from bot.domain.runs.migration_risk import EffectKind, Operation

__all__ = [
    "BREAKS_OLD_CODE",
    "DESTROYS",
    "EffectKind",
    "MigrationStatement",
    "Operation",
    "StatementEffect",
    "catalog_after",
    "read_statement",
    "read_statements",
]


def read_statements(texts: Iterable[str], catalog: Catalog | None) -> tuple[MigrationStatement, ...]:
    """Read statements that run one after the other.

    Args:
        texts: of the statements, in order.
        catalog: of the database before the first; None where it is not known.
    """
    found = []
    for text in texts:
        found.append(read_statement(text, catalog))
        catalog = catalog_after(catalog, found[-1])
    return tuple(found)


def catalog_after(catalog: Catalog | None, statement: MigrationStatement) -> Catalog | None:
    """Return what is still known of a database once a statement has run.

    Args:
        catalog: of the database before it.
        statement: that runs.
    """
    if catalog is None:
        return None
    for effect in statement.effects:
        match effect.kind:
            case EffectKind.UNKNOWN if statement.operation in {Operation.OTHER, Operation.SELECT}:
                return None  # it may have made a trigger, or changed how names and literals are read
            case EffectKind.TABLE_CREATED if "." not in effect.table:
                catalog = catalog.with_table(effect.table)
            case EffectKind.TABLE_DROPPED:
                catalog = catalog.without_table(effect.table)
            case EffectKind.TABLE_RENAMED:
                return None  # its triggers and views went along
            case _ if statement.operation is Operation.ALTER_TABLE:
                catalog = catalog.without_columns(effect.table)
    return catalog


def read_statement(sql: str, catalog: Catalog | None = None) -> MigrationStatement:
    """Read the effects of a statement.

    Args:
        sql: one statement.
        catalog: of the database before it. Without it nothing is known about types, triggers and views, so that to
            change a column's type, to insert rows, and to read from a table is unknown.
    """
    unreadable = MigrationStatement(
        sql, Operation.OTHER, "", (StatementEffect(EffectKind.UNKNOWN, ""),), self_contained=False
    )
    try:
        row = tokens(sql)
    except UnreadableSqlError:
        return unreadable
    if depends_on_sql_mode(row):
        return unreadable
    while row and row[-1].is_mark(";"):
        row = row[:-1]
    one = not any(token.is_mark(";") for token in row)
    operation, table, done = _read(row, catalog)
    if not one:
        done = (*done, StatementEffect(EffectKind.UNKNOWN, table))
    return MigrationStatement(
        sql, operation, table, tuple(dict.fromkeys(done)), self_contained=one and not crosses_databases(row)
    )


Read = tuple[str, tuple[StatementEffect, ...]]
Reader = Callable[[tuple[Token, ...], Catalog | None], Read]


def _read(row: tuple[Token, ...], catalog: Catalog | None) -> tuple[Operation, str, tuple[StatementEffect, ...]]:
    for words, operation, reader in _HEADS:
        if starts_with(row, *words):
            return (operation, *reader(row[len(words) :], catalog))
    if row and row[0].is_mark("("):
        return (Operation.SELECT, *_select(row, catalog))
    return Operation.OTHER, "", () if leaves_data_alone(row, catalog) else (StatementEffect(EffectKind.UNKNOWN, ""),)


def _create_table(row: tuple[Token, ...], catalog: Catalog | None) -> Read:
    table, rest = read_name(without_existence(row))
    done = [StatementEffect(EffectKind.TABLE_CREATED, table)]
    query = next((place for place, token in enumerate(rest) if token.is_word("SELECT", "TABLE", "WITH")), None)
    versioned = query is not None and starts_with(rest[query:], "WITH", "SYSTEM", "VERSIONING")
    if (query is not None and not versioned and not only_reads(rest[query:], catalog)) or not _keeps_rows(rest):
        done.append(StatementEffect(EffectKind.UNKNOWN, table))
    return table, tuple(done)


_ENGINES = frozenset({"innodb", "myisam", "aria", "memory"})


def _keeps_rows(row: tuple[Token, ...]) -> bool:
    """Return whether a new table is one of its own, and no door to another."""
    for place, token in enumerate(row):
        if token.is_word("ENGINE"):
            value = next((one for one in row[place + 1 :] if not one.is_mark("=")), None)
            if value is None or value.text.strip("'\"").lower() not in _ENGINES:
                return False
    return True


def _replace_table(row: tuple[Token, ...], catalog: Catalog | None) -> Read:
    table, done = _create_table(row, catalog)
    return table, (StatementEffect(EffectKind.TABLE_DROPPED, table), *done)


def _drop_table(row: tuple[Token, ...], catalog: Catalog | None) -> Read:
    dropped = [read_name(part)[0] for part in clauses(without_existence(row))]
    return (dropped[0] if dropped else ""), tuple(
        StatementEffect(EffectKind.TABLE_DROPPED, table) for table in dropped or [""]
    )


def _drop_temporary_table(row: tuple[Token, ...], catalog: Catalog | None) -> Read:
    return "", ()


def _rename_table(row: tuple[Token, ...], catalog: Catalog | None) -> Read:
    done = []
    for part in clauses(without_existence(row)):
        old, rest = read_name(part)
        target = without_waiting(rest)[1:]
        done.append(StatementEffect(EffectKind.TABLE_RENAMED, old, read_name(target)[0]))
        if is_qualified(part) or is_qualified(target):
            done.append(StatementEffect(EffectKind.UNKNOWN, old))
    return (done[0].table if done else ""), tuple(done) or (StatementEffect(EffectKind.UNKNOWN, ""),)


def _truncate(row: tuple[Token, ...], catalog: Catalog | None) -> Read:
    table, _ = read_name(row[1:] if starts_with(row, "TABLE") else row)
    return table, (StatementEffect(EffectKind.ROWS_DELETED, table),)


def _index_of(kind: EffectKind, row: tuple[Token, ...]) -> Read:
    index, rest = read_name(without_existence(row))
    on = next((place for place, token in enumerate(rest) if token.is_word("ON")), None)
    table = read_name(rest[on + 1 :])[0] if on is not None else ""
    return table, (StatementEffect(kind, table, index),)


def _create_index(row: tuple[Token, ...], catalog: Catalog | None) -> Read:
    return _index_of(EffectKind.INDEX_ADDED, row)


def _drop_index(row: tuple[Token, ...], catalog: Catalog | None) -> Read:
    return _index_of(EffectKind.INDEX_DROPPED, row)


_MODIFIERS = ("LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "QUICK", "IGNORE", "INTO", "FROM")


def _written(row: tuple[Token, ...]) -> tuple[str, tuple[Token, ...]]:
    while row and row[0].is_word(*_MODIFIERS):
        row = row[1:]
    return read_name(row)


def _insert(row: tuple[Token, ...], catalog: Catalog | None) -> Read:
    table, rest = _written(row)
    updates = any(token.is_word("DUPLICATE") and after.is_word("KEY") for token, after in pairwise(rest))
    done = StatementEffect(EffectKind.ROWS_CHANGED if updates else EffectKind.ROWS_ADDED, table)
    plain = catalog is not None and table in catalog.tables and table not in catalog.triggered
    return table, (done,) if plain and only_reads(_values(rest), catalog) else (
        done,
        StatementEffect(EffectKind.UNKNOWN, table),
    )


def _values(row: tuple[Token, ...]) -> tuple[Token, ...]:
    """Drop the list of columns behind a table's name."""
    if not row or not row[0].is_mark("(") or (len(row) > 1 and row[1].is_word("SELECT", "WITH", "TABLE", "VALUES")):
        return row
    closing = next((place for place, token in enumerate(row) if token.is_mark(")")), len(row))
    return row[closing + 1 :]


def _update(row: tuple[Token, ...], catalog: Catalog | None) -> Read:
    table, rest = _written(row)
    certain = only_reads(rest, catalog) and (catalog is None or table not in catalog.triggered)
    doubt = () if certain else (StatementEffect(EffectKind.UNKNOWN, table),)
    if not starts_with(rest, "SET"):  # several tables, or an alias: which column is whose cannot be told
        return table, (StatementEffect(EffectKind.ROWS_CHANGED, table), StatementEffect(EffectKind.UNKNOWN, ""))
    columns = []
    for part in clauses(_until(rest[1:], "WHERE", "ORDER", "LIMIT")):
        column, after = read_name(part)
        if not after or not after[0].is_mark("="):
            return table, (StatementEffect(EffectKind.ROWS_CHANGED, table), *doubt)
        columns.append(column.rpartition(".")[2])
    stamped = [
        name
        for (of, name), column in ({} if catalog is None else catalog.columns).items()
        if of == table and "on update" in column.extra and name not in {one.lower() for one in columns}
    ]
    return table, (
        *(StatementEffect(EffectKind.ROWS_CHANGED, table, column) for column in (*columns, *stamped)),
        *doubt,
    )


def _until(row: tuple[Token, ...], *words: str) -> tuple[Token, ...]:
    depth = 0
    for place, token in enumerate(row):
        depth += token.is_mark("(") - token.is_mark(")")
        if depth == 0 and token.is_word(*words):
            return row[:place]
    return row


def _delete(row: tuple[Token, ...], catalog: Catalog | None) -> Read:
    table, rest = _written(row)
    done = StatementEffect(EffectKind.ROWS_DELETED, table)
    one_table = not rest or rest[0].is_word("WHERE", "ORDER", "LIMIT", "RETURNING", "PARTITION")
    return table, (done,) if one_table else (done, StatementEffect(EffectKind.UNKNOWN, ""))


def _replace(row: tuple[Token, ...], catalog: Catalog | None) -> Read:
    table, _ = _written(row)
    return table, (StatementEffect(EffectKind.ROWS_CHANGED, table),)


def _select(row: tuple[Token, ...], catalog: Catalog | None) -> Read:
    return "", () if only_reads(row, catalog) else (StatementEffect(EffectKind.UNKNOWN, ""),)


def _show(row: tuple[Token, ...], catalog: Catalog | None) -> Read:
    where = next((place for place, token in enumerate(row) if token.is_word("WHERE")), len(row))
    return _select(row[where:], catalog)


def _with(row: tuple[Token, ...], catalog: Catalog | None) -> Read:
    verb = next((token for token in _verbs(row) if token.is_word("UPDATE", "DELETE", "INSERT", "REPLACE")), None)
    if verb is not None:
        kind = EffectKind.ROWS_DELETED if verb.is_word("DELETE") else EffectKind.ROWS_CHANGED
        return "", (StatementEffect(kind, ""), StatementEffect(EffectKind.UNKNOWN, ""))
    return _select((_WITH, *row), catalog)


_WITH = Token(SqlTokenKind.WORD, "WITH", 0, 4)


def _verbs(row: tuple[Token, ...]) -> tuple[Token, ...]:
    """Keep the words outside of brackets, up to the query's own verb."""
    depth, found = 0, []
    for token in row:
        depth += token.is_mark("(") - token.is_mark(")")
        if depth == 0 and token.is_word("SELECT", "UPDATE", "DELETE", "INSERT", "REPLACE"):
            found.append(token)
            break
    return tuple(found)


_HEADS: tuple[tuple[tuple[str, ...], Operation, Reader], ...] = (
    (("CREATE", "TABLE"), Operation.CREATE_TABLE, _create_table),
    (("CREATE", "TEMPORARY", "TABLE"), Operation.CREATE_TABLE, _create_table),
    (("CREATE", "OR", "REPLACE", "TABLE"), Operation.CREATE_TABLE, _replace_table),
    (("CREATE", "INDEX"), Operation.CREATE_INDEX, _create_index),
    *((("CREATE", kind, "INDEX"), Operation.CREATE_INDEX, _create_index) for kind in ("UNIQUE", "FULLTEXT", "SPATIAL")),
    (("ALTER", "TABLE"), Operation.ALTER_TABLE, alteration),
    (("ALTER", "ONLINE", "TABLE"), Operation.ALTER_TABLE, alteration),
    (("ALTER", "IGNORE", "TABLE"), Operation.ALTER_TABLE, alteration_that_ignores),
    (("ALTER", "ONLINE", "IGNORE", "TABLE"), Operation.ALTER_TABLE, alteration_that_ignores),
    (("DROP", "TABLE"), Operation.DROP_TABLE, _drop_table),
    (("DROP", "TABLES"), Operation.DROP_TABLE, _drop_table),
    (("DROP", "TEMPORARY", "TABLE"), Operation.OTHER, _drop_temporary_table),
    (("DROP", "INDEX"), Operation.DROP_INDEX, _drop_index),
    (("RENAME", "TABLE"), Operation.RENAME_TABLE, _rename_table),
    (("RENAME", "TABLES"), Operation.RENAME_TABLE, _rename_table),
    (("TRUNCATE",), Operation.TRUNCATE, _truncate),
    (("INSERT",), Operation.INSERT, _insert),
    (("UPDATE",), Operation.UPDATE, _update),
    (("DELETE",), Operation.DELETE, _delete),
    (("REPLACE",), Operation.REPLACE, _replace),
    (("SELECT",), Operation.SELECT, _select),
    (("SHOW",), Operation.SELECT, _show),
    (("WITH",), Operation.OTHER, _with),
)
