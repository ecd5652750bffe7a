"""What a database had before its migrations ran, as far as it decides whether a statement keeps all data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.databases.server.session import ReadOnlySession

CATALOG_SQL = """
    SELECT 'table', table_name, '', COALESCE(table_collation, ''), '', '' FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'
    UNION ALL
    SELECT 'column', table_name, column_name, column_type, COALESCE(character_set_name, ''),
        CONCAT(is_nullable, ' ', extra)
    FROM information_schema.columns WHERE table_schema = DATABASE()
    UNION ALL
    SELECT 'trigger', event_object_table, '', '', '', '' FROM information_schema.triggers
    WHERE trigger_schema = DATABASE()
    UNION ALL
    SELECT 'executable', table_name, '', '', '', '' FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_type NOT IN ('BASE TABLE', 'SYSTEM VERSIONED')
    UNION ALL
    SELECT 'executable', routine_name, '', '', '', '' FROM information_schema.routines
    WHERE routine_schema = DATABASE()
"""
"""Rows of six texts."""


@dataclass(frozen=True)
class KnownColumn:
    """A column before the migrations.

    Args:
        type: as the server writes it, such as `varchar(100)`.
        nullable: whether it can be NULL.
        charset: of its texts; empty for other types.
        extra: such as `auto_increment` or `STORED GENERATED`.
    """

    type: str
    nullable: bool
    charset: str
    extra: str


@dataclass(frozen=True)
class Catalog:
    """What is known of a database. What is not in it is unknown, never absent.

    Args:
        tables: names of base tables that keep one state of their rows, with the character set of new columns.
        triggered: names of the tables that have a trigger.
        executable: names, in lower case, of the views, sequences and routines: what may do something when it is read.
        columns: by table and name, the latter in lower case.
    """

    tables: Mapping[str, str] = field(default_factory=dict)
    triggered: frozenset[str] = frozenset()
    executable: frozenset[str] = frozenset()
    columns: Mapping[tuple[str, str], KnownColumn] = field(default_factory=dict)

    def with_table(self, name: str) -> Catalog:
        """Return it with a table that has just been created."""
        return replace(self, tables={**self.tables, name: ""})

    def without_columns(self, table: str) -> Catalog:
        """Return it with nothing known about the columns of a table."""
        columns = {key: column for key, column in self.columns.items() if key[0] != table}
        return replace(
            self, columns=columns, tables={**self.tables, table: ""} if table in self.tables else self.tables
        )

    def without_table(self, name: str) -> Catalog:
        """Return it without a table."""
        tables = {table: charset for table, charset in self.tables.items() if table != name}
        return replace(self.without_columns(name), tables=tables)


async def read_catalog(session: ReadOnlySession) -> Catalog:
    """Read the catalog of the session's database.

    Args:
        session: that only reads.

    Raises:
        ServerError: it cannot be read.
    """
    return catalog_of([tuple(_text(value) for value in row) for row in await session.rows(CATALOG_SQL)])


def catalog_of(rows: Iterable[Sequence[str]]) -> Catalog:
    """Build a catalog.

    Args:
        rows: of `CATALOG_SQL`, as text.

    Raises:
        ValueError: a row is not of that form.
    """
    tables: dict[str, str] = {}
    columns: dict[tuple[str, str], KnownColumn] = {}
    triggered, executable = set(), set()
    for kind, name, column, about, charset, extra in rows:
        match kind:
            case "table":
                tables[name] = about.partition("_")[0]
            case "column":
                nullable, _, more = extra.partition(" ")
                columns[name, column.lower()] = KnownColumn(about.lower(), nullable == "YES", charset, more.lower())
            case "trigger":
                triggered.add(name)
            case "executable":
                executable.add(name.lower())
            case _:
                raise ValueError(f"not a row of a catalog: {kind!r}")
    return Catalog(tables, frozenset(triggered), frozenset(executable), columns)


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
