"""What the clauses of `ALTER TABLE` do. Pure.

A clause that is not positively known to keep all data is unknown.
"""

from __future__ import annotations

from itertools import pairwise

from bot.databases.migrations.sql.catalog import Catalog
from bot.databases.migrations.sql.column_redefinition import holds_every_value
from bot.databases.migrations.sql.lexer import SqlTokenKind, Token, clauses, outside_brackets, starts_with
from bot.databases.migrations.sql.names import is_qualified, read_name, without_existence, without_waiting
from bot.databases.migrations.sql.statement import StatementEffect
from bot.domain.runs.migration_risk import EffectKind

_KEYS = ("INDEX", "KEY", "UNIQUE", "FULLTEXT", "SPATIAL", "PRIMARY", "FOREIGN", "CONSTRAINT", "CHECK")
_DROPPED_KEYS = ("INDEX", "KEY", "PRIMARY", "FOREIGN", "CONSTRAINT", "CHECK")
_PLAIN_OPTIONS = frozenset(
    {"COMMENT", "AUTO_INCREMENT", "ROW_FORMAT", "STATS_PERSISTENT", "STATS_AUTO_RECALC", "STATS_SAMPLE_PAGES"}
    | {"KEY_BLOCK_SIZE", "ALGORITHM", "LOCK", "CHECKSUM", "AVG_ROW_LENGTH", "COLLATE", "CHARSET"}
)
"""Options with one value that leave every row as it is."""


def alteration(row: tuple[Token, ...], catalog: Catalog | None) -> tuple[str, tuple[StatementEffect, ...]]:
    """Read what follows `ALTER TABLE`.

    Args:
        row: from the table's name on.
        catalog: of the database before the statement.

    Returns:
        The table's name and the effects.
    """
    table, rest = read_name(without_existence(row))
    found = [done for clause in clauses(without_waiting(rest)) for done in _clause(table, clause, catalog)]
    return table, tuple(found) if table else (*found, StatementEffect(EffectKind.UNKNOWN, ""))


def alteration_that_ignores(row: tuple[Token, ...], catalog: Catalog | None) -> tuple[str, tuple[StatementEffect, ...]]:
    """Read what follows `ALTER IGNORE TABLE`: rows that violate a new key are deleted, values that do not fit are cut.

    Args:
        row: from the table's name on.
        catalog: of the database before the statement.
    """
    table, done = alteration(row, catalog)
    unique = any(token.is_word("UNIQUE", "PRIMARY") for token in row)
    return table, (*done, StatementEffect(EffectKind.ROWS_DELETED if unique else EffectKind.UNKNOWN, table))


def _clause(table: str, clause: tuple[Token, ...], catalog: Catalog | None) -> tuple[StatementEffect, ...]:
    partitions = any(token.is_word("PARTITION", "PARTITIONING") for token in outside_brackets(clause[2:]))
    return (
        *_by_its_head(table, clause, catalog),
        *((StatementEffect(EffectKind.UNKNOWN, table),) if partitions else ()),
    )


def _by_its_head(table: str, clause: tuple[Token, ...], catalog: Catalog | None) -> tuple[StatementEffect, ...]:
    unknown = (StatementEffect(EffectKind.UNKNOWN, table),)
    if not clause:
        return unknown
    head, rest = clause[0], clause[1:]
    if head.is_word("ADD"):
        return _added(table, rest, catalog)
    if head.is_word("DROP"):
        return _dropped(table, rest)
    if head.is_word("MODIFY"):
        column, definition = _column(rest)
        return _redefined(table, column, definition, catalog)
    if head.is_word("CHANGE"):
        old, after = _column(rest)
        new, definition = read_name(after)
        done = _redefined(table, old, definition, catalog)
        if old.lower() == new.lower():
            return done
        renamed = (one for one in done if one.kind is not EffectKind.COLUMN_REQUIRED)
        return (StatementEffect(EffectKind.COLUMN_RENAMED, table, old), *renamed)
    if head.is_word("RENAME"):
        return _renamed(table, rest)
    if head.is_word("TRUNCATE", "DISCARD", "EXCHANGE") or starts_with(clause, "CONVERT", "PARTITION"):
        return (StatementEffect(EffectKind.ROWS_DELETED, table),)
    harmless = _sets_a_default(clause) if head.is_word("ALTER") else _is_options(clause)
    return (StatementEffect(EffectKind.TABLE_CHANGED, table),) if harmless else unknown


def _column(row: tuple[Token, ...]) -> tuple[str, tuple[Token, ...]]:
    if len(row) > 1 and row[0].is_word("COLUMN"):
        row = row[1:]
    return read_name(without_existence(row))


def _redefined(
    table: str, column: str, definition: tuple[Token, ...], catalog: Catalog | None
) -> tuple[StatementEffect, ...]:
    done = (StatementEffect(EffectKind.COLUMN_CHANGED, table, column), *_required(table, column, definition))
    old = None if catalog is None else catalog.columns.get((table, column.lower()))
    if old is None or catalog is None or not holds_every_value(old, definition, catalog.tables.get(table, "")):
        return (*done, StatementEffect(EffectKind.UNKNOWN, table, column))
    return done


def _required(table: str, column: str, definition: tuple[Token, ...]) -> tuple[StatementEffect, ...]:
    words = [token.text.upper() for token in definition if token.kind is SqlTokenKind.WORD]
    given = {"DEFAULT", "AUTO_INCREMENT", "GENERATED", "AS", "SERIAL"} & set(words)
    if ("NOT", "NULL") in pairwise(words) and not given:
        return (StatementEffect(EffectKind.COLUMN_REQUIRED, table, column),)
    return ()


def _added(table: str, rest: tuple[Token, ...], catalog: Catalog | None) -> tuple[StatementEffect, ...]:
    if rest and rest[0].is_word(*_KEYS):
        name = next((token.text for token in rest if token.kind is SqlTokenKind.NAME), "")
        added = StatementEffect(EffectKind.INDEX_ADDED, table, name)
        # a column that joins the primary key becomes NOT NULL, and NULL becomes 0 or an empty text
        if any(token.is_word("PRIMARY") for token in rest[:3]) and not _never_null(table, rest, catalog):
            return (added, StatementEffect(EffectKind.UNKNOWN, table))
        return (added,)
    if starts_with(rest, "PARTITION"):
        return (StatementEffect(EffectKind.TABLE_CHANGED, table),)
    if starts_with(rest, "SYSTEM", "VERSIONING"):
        return (StatementEffect(EffectKind.TABLE_CHANGED, table),)
    if starts_with(rest, "PERIOD", "FOR"):
        return (StatementEffect(EffectKind.UNKNOWN, table),)
    if rest and rest[0].is_word("COLUMN"):
        rest = rest[1:]
    rest = without_existence(rest)
    if rest and rest[0].is_mark("("):
        return tuple(done for part in clauses(rest[1:-1]) for done in _added(table, part, catalog))
    column, definition = read_name(rest)
    if not column:
        return (StatementEffect(EffectKind.UNKNOWN, table),)
    return (StatementEffect(EffectKind.COLUMN_ADDED, table, column), *_required(table, column, definition))


def _never_null(table: str, key: tuple[Token, ...], catalog: Catalog | None) -> bool:
    opening = next((place for place, token in enumerate(key) if token.is_mark("(")), None)
    if catalog is None or opening is None:
        return False
    columns = [part[0].text.lower() for part in clauses(key[opening + 1 :]) if part]
    known = [catalog.columns.get((table, column)) for column in columns]
    return all(column is not None and not column.nullable for column in known)


def _dropped(table: str, rest: tuple[Token, ...]) -> tuple[StatementEffect, ...]:
    if starts_with(rest, "PARTITION") or starts_with(rest, "SYSTEM", "VERSIONING"):
        return (StatementEffect(EffectKind.ROWS_DELETED, table),)
    if rest and rest[0].is_word(*_DROPPED_KEYS):
        name = next((token.text for token in rest if token.kind is SqlTokenKind.NAME), "")
        return (StatementEffect(EffectKind.INDEX_DROPPED, table, name),)
    column, _ = _column(rest)
    return (StatementEffect(EffectKind.COLUMN_DROPPED, table, column),)


def _renamed(table: str, rest: tuple[Token, ...]) -> tuple[StatementEffect, ...]:
    if starts_with(rest, "COLUMN"):
        return (StatementEffect(EffectKind.COLUMN_RENAMED, table, _column(rest)[0]),)
    if rest and rest[0].is_word("INDEX", "KEY"):
        return (StatementEffect(EffectKind.TABLE_CHANGED, table),)
    target = rest[1:] if rest and (rest[0].is_word("TO", "AS") or rest[0].is_mark("=")) else rest
    renamed = StatementEffect(EffectKind.TABLE_RENAMED, table, read_name(target)[0])
    return (renamed, StatementEffect(EffectKind.UNKNOWN, table)) if is_qualified(target) else (renamed,)


def _sets_a_default(clause: tuple[Token, ...]) -> bool:
    if len(clause) > 1 and clause[1].is_word("INDEX", "KEY", "CHECK", "CONSTRAINT"):
        return True
    column, rest = _column(clause[1:])
    if not column:
        return False
    if starts_with(rest, "DROP", "DEFAULT"):
        return len(rest) == 2
    return (
        starts_with(rest, "SET", "DEFAULT")
        or starts_with(rest, "SET", "VISIBLE")
        or starts_with(rest, "SET", "INVISIBLE")
    )


def _is_options(clause: tuple[Token, ...]) -> bool:
    """Return whether a clause is nothing but options of the table that leave its rows alone."""
    rest = clause
    while rest:
        taken = _option(rest)
        if taken == 0:
            return False
        rest = rest[taken:]
    return True


def _option(row: tuple[Token, ...]) -> int:
    """Count the tokens of a harmless option; 0 where it is not known to be one."""
    if row[0].is_word("FORCE"):
        return 1
    if starts_with(row, "ENABLE", "KEYS") or starts_with(row, "DISABLE", "KEYS"):
        return 2
    if starts_with(row, "REMOVE", "PARTITIONING"):
        return 2
    for words in (("CONVERT", "TO", "CHARACTER", "SET"), ("CONVERT", "TO", "CHARSET")):
        if starts_with(row, *words):
            wide = len(row) > len(words) and row[len(words)].text.strip("'\"").lower() == "utf8mb4"
            return len(words) + 1 if wide else 0
    named = row[1:] if row[0].is_word("DEFAULT") else row
    if starts_with(named, "CHARACTER", "SET"):
        named = named[1:]
    elif not named or not (named[0].kind is SqlTokenKind.WORD and named[0].text.upper() in {*_PLAIN_OPTIONS, "ENGINE"}):
        return 0
    value = named[2:] if len(named) > 1 and named[1].is_mark("=") else named[1:]
    if not value or value[0].kind is SqlTokenKind.MARK:
        return 0
    if named[0].is_word("ENGINE") and value[0].text.strip("'\"").lower() != "innodb":
        return 0
    return len(row) - len(value) + 1
