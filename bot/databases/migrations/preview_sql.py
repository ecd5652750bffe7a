"""The SQL that a stack's own tool prints, split by migration and statement. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bot.databases.migrations.sql.catalog import Catalog
from bot.databases.migrations.sql.ddl import EffectKind, MigrationStatement, Operation, StatementEffect, read_statements
from bot.databases.migrations.sql.lexer import UnreadableSqlError, tokens

_HEADING = re.compile(
    r"^-- Running (?:upgrade (?:.*)-> (?P<revision>\S+)|downgrade (?P<undone>\S+) ->.*|(?P<name>\S+))\s*$"
)


def sql_of(text: str) -> Mapping[str, str]:
    """Split SQL at the comments `-- Running upgrade A -> B` (Alembic's own) and `-- Running NAME`.

    Args:
        text: what the tool printed; what comes before the first such comment belongs to no migration.

    Returns:
        The SQL of each migration, by the first word of its name.
    """
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        match = _HEADING.match(line)
        if match is not None:
            lines = found.setdefault((match["revision"] or match["undone"] or match["name"]).rstrip(","), [])
        else:
            lines.append(line)
    return {name: "\n".join(sql).strip() for name, sql in found.items()}


_NO_SQL = re.compile(
    r"^-- (?:THIS OPERATION CANNOT BE WRITTEN AS SQL|MIGRATION NOW PERFORMS OPERATION THAT CANNOT.*)$", re.M
)
"""Django's comments in place of operations in Python."""

_BOOKS = re.compile(
    r"""
      INSERT\ INTO\ \S+\ \(version_num\)\ VALUES\ \('[^'\\]*'\)(?:\ RETURNING\ \S+)?
    | UPDATE\ (\S+)\ SET\ version_num='[^'\\]*'\ WHERE\ \1\.version_num\ =\ '[^'\\]*'
    | DELETE\ FROM\ (\S+)\ WHERE\ \2\.version_num\ =\ '[^'\\]*'
    """,
    re.VERBOSE,
)
"""Alembic's own bookkeeping, in the very forms that it writes."""


def statements_of(sql: str, catalog: Catalog | None = None) -> tuple[MigrationStatement, ...]:
    """Read the statements of one migration. What the tool cannot express in SQL has an unknown effect.

    Args:
        sql: as `sql_of` gives it.
        catalog: of the database before it.
    """
    unsaid = (
        MigrationStatement(
            match[0], Operation.OTHER, "", (StatementEffect(EffectKind.UNKNOWN, ""),), self_contained=False
        )
        for match in _NO_SQL.finditer(sql)
    )
    said = read_statements((text for text in _split(sql) if _BOOKS.fullmatch(text) is None), catalog)
    return (*said, *unsaid)


def _split(sql: str) -> Iterator[str]:
    try:
        row = tokens(sql)
    except UnreadableSqlError:
        # Kept whole and read as unknown: a wrong split could hide an effect.
        yield sql
        return
    start = None
    for token in row:
        if start is None:
            start = token.start
        if token.is_mark(";"):
            yield sql[start : token.start].strip()
            start = None
    if start is not None:
        yield sql[start:].strip()
