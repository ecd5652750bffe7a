"""The columns and indexes of a database, and the differences and effects between two schemas. Pure."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.databases.migrations.sql.ddl import EffectKind, StatementEffect
from bot.databases.server.column_types import narrows

SCHEMA_SQL = """
    SELECT 'column', table_name, column_name, column_type, is_nullable,
        IF(column_default IS NULL, '',
            QUOTE(
                /*!80013 IF(LOCATE('DEFAULT_GENERATED', extra), column_default, QUOTE( */ column_default /*!80013 )) */
            )),
        CONCAT(extra, IF(COALESCE(generation_expression, '') = '', '', CONCAT(' AS (', generation_expression, ')')))
    FROM information_schema.columns WHERE table_schema = DATABASE()
    UNION ALL
    SELECT 'index', table_name, index_name, LPAD(seq_in_index, 3, '0'), non_unique,
        COALESCE(column_name, /*!80013 CONCAT('(', expression, ')'), */ ''), IFNULL(sub_part, '')
    FROM information_schema.statistics WHERE table_schema = DATABASE()
"""
"""Rows of seven texts. A default is the text of its SQL, quoted: MariaDB has that text, and the word NULL for columns
that may be NULL; MySQL has the value of a constant, and nothing for NULL. A missing one is not quoted, for that gives
the word NULL. MySQL alone has indexes on expressions. It alone reads what begins with `/*!80013`, from then on."""

_FIELDS = 7
_DIGITS = 16
_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\\\": "\\", "\\0": "\0"}


@dataclass(frozen=True)
class Column:
    """A column.

    Args:
        table: whose.
        name: of the column.
        type: as the server writes it, such as `varchar(100)`.
        nullable: whether it can be NULL.
        default: as SQL; empty where it has none.
        extra: such as `auto_increment`, or how it is generated.
    """

    table: str
    name: str
    type: str
    nullable: bool
    default: str
    extra: str

    @property
    def definition(self) -> str:
        """Everything about it but its name, for people."""
        null = "NULL" if self.nullable else "NOT NULL"
        default = f" DEFAULT {_plain(self.default)}" if self.default not in {"", "'NULL'"} else ""
        extra = f" {self.extra}" if self.extra else ""
        return f"{self.type} {null}{default}{extra}"

    @property
    def required(self) -> bool:
        """Whether an insert that does not name it is refused."""
        fills_itself = any(word in self.extra.upper() for word in ("AUTO_INCREMENT", "GENERATED"))
        return not self.nullable and not self.default and not fills_itself


@dataclass(frozen=True)
class Index:
    """An index.

    Args:
        table: whose.
        name: of the index.
        unique: whether it allows a value once only.
        columns: in order, each perhaps with how much of it counts: `body(20)`.
    """

    table: str
    name: str
    unique: bool
    columns: tuple[str, ...]

    @property
    def kind(self) -> str:
        """What it is, for people."""
        if self.name == "PRIMARY":
            return "primary key"
        return "unique index" if self.unique else "index"


@dataclass(frozen=True)
class Schema:
    """Tables with their columns and indexes, each by table and name."""

    columns: dict[tuple[str, str], Column]
    indexes: dict[tuple[str, str], Index]

    @property
    def tables(self) -> frozenset[str]:
        """The names of its tables."""
        return frozenset(table for table, _ in self.columns)

    def of(self, tables: Iterable[str]) -> Schema:
        """Return the part of some tables."""
        wanted = frozenset(tables)
        return Schema(
            {key: column for key, column in self.columns.items() if key[0] in wanted},
            {key: index for key, index in self.indexes.items() if key[0] in wanted},
        )


def schema_of(rows: Iterable[Sequence[object]]) -> Schema:
    """Build a schema from the rows of `SCHEMA_SQL`.

    Raises:
        ValueError: a row is not of that form.
    """
    columns: dict[tuple[str, str], Column] = {}
    parts: dict[tuple[str, str], list[tuple[str, str]]] = {}
    unique: dict[tuple[str, str], bool] = {}
    for row in rows:
        texts = tuple(_text(value) for value in row)
        if len(texts) != _FIELDS or texts[0] not in {"column", "index"}:
            raise ValueError(f"not a row of a schema: {texts[:2]!r}")
        kind, table, name = texts[:3]
        if kind == "column":
            columns[table, name] = Column(table, name, texts[3], texts[4] == "YES", texts[5], texts[6])
        else:
            parts.setdefault((table, name), []).append((texts[3], texts[5] + (f"({texts[6]})" if texts[6] else "")))
            unique[table, name] = texts[4] == "0"
    indexes = {
        key: Index(*key, unique[key], tuple(column for _, column in sorted(columns_of)))
        for key, columns_of in parts.items()
    }
    return Schema(columns, indexes)


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def parse_lines(text: str) -> tuple[tuple[str, ...], ...]:
    """Read rows as a server's client writes them with `--batch`: tabs between fields, blanks escaped.

    Args:
        text: its output.
    """
    return tuple(
        tuple(re.sub(r"\\[tn\\0]", lambda m: _ESCAPES[m.group()], field) for field in line.split("\t"))
        for line in text.split("\n")
        if line
    )


def canonical(schema: Schema) -> str:
    """Write a schema as sorted lines, for comparing and for the digest of a plan."""
    return "\n".join(sorted((*map(_column_line, schema.columns.values()), *map(_index_line, schema.indexes.values()))))


def _column_line(column: Column) -> str:
    return f"{column.table}.{column.name} {column.definition}"


def _index_line(index: Index) -> str:
    return f"{index.table} {index.kind} {index.name} ({', '.join(index.columns)})"


def schema_digests(schema: Schema) -> dict[str, str]:
    """Give the digest of each table, by name: the first 16 hexadecimal digits of the SHA-256 of its canonical lines.

    Args:
        schema: all of it.
    """
    lines: dict[str, list[str]] = defaultdict(list)
    for column in schema.columns.values():
        lines[column.table].append(_column_line(column))
    for index in schema.indexes.values():
        lines[index.table].append(_index_line(index))
    texts = {table: "\n".join(sorted(of_table)) for table, of_table in lines.items()}
    return {table: hashlib.sha256(text.encode()).hexdigest()[:_DIGITS] for table, text in texts.items()}


def schema_diff(before: Schema, after: Schema) -> dict[str, tuple[str, ...]]:
    """Describe the changes, for people: `+ user_sessions.token_id varchar(100) NULL, index`.

    Args:
        before: the tables as they were.
        after: the tables as they are.

    Returns:
        Lines by table, sorted; `+` is new, `-` is gone, `~` is different. A table that is unchanged is absent.
    """
    lines: dict[str, tuple[str, ...]] = {}
    for table in sorted(before.tables | after.tables):
        found = _table_diff(table, before.of([table]), after.of([table]))
        if found:
            lines[table] = tuple(found)
    return lines


def _table_diff(table: str, before: Schema, after: Schema) -> list[str]:
    if table not in before.tables:
        return [f"+ table {table} ({len(after.columns)} columns)"]
    if table not in after.tables:
        return [f"- table {table} ({len(before.columns)} columns)"]
    lines = [
        f"- {table}.{name} {c.definition}"
        for (_, name), c in before.columns.items()
        if (table, name) not in after.columns
    ]
    reported: set[tuple[str, str]] = set()
    for key, column in after.columns.items():
        old = before.columns.get(key)
        if old is None:
            own = [i for at, i in after.indexes.items() if at not in before.indexes and i.columns == (column.name,)]
            reported |= {(i.table, i.name) for i in own}
            lines.append(f"+ {table}.{column.name} {column.definition}" + "".join(f", {i.kind}" for i in own))
        elif old != column:
            lines.append(f"~ {table}.{column.name} {old.definition} → {column.definition}")
    gone = {c.name for key, c in before.columns.items() if key not in after.columns}
    for key, index in before.indexes.items():
        if after.indexes.get(key) != index and not set(index.columns) <= gone:
            lines.append(f"- {table} {_index(index)}")
    for key, index in after.indexes.items():
        if before.indexes.get(key) != index and key not in reported:
            lines.append(f"+ {table} {_index(index)}")
    return lines


def _index(index: Index) -> str:
    name = "" if index.name == "PRIMARY" else f" {index.name}"
    return f"{index.kind}{name} ({', '.join(index.columns)})"


def schema_effects(before: Schema, after: Schema) -> tuple[StatementEffect, ...]:
    """Return the effects of a schema change on data and old code, whatever statements caused it.

    Args:
        before: the tables as they were.
        after: the tables as they are.
    """
    effects = [StatementEffect(EffectKind.TABLE_DROPPED, table) for table in sorted(before.tables - after.tables)]
    effects += [StatementEffect(EffectKind.TABLE_CREATED, table) for table in sorted(after.tables - before.tables)]
    for (table, name), old in before.columns.items():
        new = after.columns.get((table, name))
        if table not in after.tables:
            continue
        if new is None:
            effects.append(StatementEffect(EffectKind.COLUMN_DROPPED, table, name))
        elif new != old:
            effects += _column_effects(old, new)
    for (table, name), new in after.columns.items():
        if table in before.tables and (table, name) not in before.columns:
            effects.append(StatementEffect(EffectKind.COLUMN_ADDED, table, name))
            if new.required:
                effects.append(StatementEffect(EffectKind.COLUMN_REQUIRED, table, name))
    return tuple(effects)


def _column_effects(old: Column, new: Column) -> list[StatementEffect]:
    effects = [StatementEffect(EffectKind.COLUMN_CHANGED, old.table, old.name)]
    if new.required and not old.required:
        effects.append(StatementEffect(EffectKind.COLUMN_REQUIRED, old.table, old.name))
    if narrows(old.type, new.type):
        effects.append(StatementEffect(EffectKind.COLUMN_CUT, old.table, old.name))
    return effects


def _plain(default: str) -> str:
    """Remove the quotes that `QUOTE` put around the value."""
    inner = default[1:-1] if len(default) > 1 and default[0] == default[-1] == "'" else default
    return inner.replace("\\'", "'").replace("\\\\", "\\")
