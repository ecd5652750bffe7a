"""The schema of a database, and the differences and effects between two schemas. Pure."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from bot.databases.migrations.sql.ddl import EffectKind, StatementEffect
from bot.databases.server.column_types import narrows

DIGITS = 20
"""Of the digests in plans."""

EARLIER_DIGITS = 16
"""Of the digests in plans from before there were `parts`."""

_IN_ITS_TABLE = frozenset({"table", "foreign key", "partition"})
PARTS = _IN_ITS_TABLE | {"check", "view", "trigger", "procedure", "function", "event"}
"""The kinds of what a schema has beside columns and indexes."""


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
        collation: of its texts; empty where it has none, or that of its table.
        comment: what was written beside it.
    """

    table: str
    name: str
    type: str
    nullable: bool
    default: str
    extra: str
    collation: str = ""
    comment: str = ""

    @property
    def definition(self) -> str:
        """Everything about it but its name, for people."""
        null = "NULL" if self.nullable else "NOT NULL"
        default = f" DEFAULT {_plain(self.default)}" if self.default not in {"", "'NULL'"} else ""
        extra = f" {self.extra}" if self.extra else ""
        collation = f" COLLATE {self.collation}" if self.collation else ""
        comment = f" COMMENT {self.comment!r}" if self.comment else ""
        return f"{self.type}{collation} {null}{default}{extra}{comment}"

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
        columns: in order, each perhaps with how much of it counts and in which direction: `body(20) DESC`.
        extra: its type where that is not the usual one, whether queries leave it aside, and what was written beside it.
    """

    table: str
    name: str
    unique: bool
    columns: tuple[str, ...]
    extra: str = ""

    @property
    def kind(self) -> str:
        """What it is, for people."""
        if self.name == "PRIMARY":
            return "primary key"
        return "unique index" if self.unique else "index"


@dataclass(frozen=True)
class Part:
    """What a schema has beside columns and indexes.

    Args:
        kind: one of `PARTS`; `table` are its options.
        owner: the table that it belongs to, or its own name.
        name: of the part; empty where its owner has one such part alone.
        definition: everything else; of free SQL the first digits of a digest.
    """

    kind: str
    owner: str
    name: str
    definition: str

    @property
    def is_sql(self) -> bool:
        """Whether it is free SQL, which a server may write differently once it was dumped and loaded."""
        return self.kind not in _IN_ITS_TABLE

    @property
    def place(self) -> str:
        """What it is compared as part of: its table; what is free SQL stands for itself."""
        if not self.is_sql:
            return self.owner
        own = {"trigger": self.name, "check": self._full_name}
        return f"{self.kind} {own.get(self.kind, self.owner)}"

    @property
    def line(self) -> str:
        """All of it, for comparing and for people."""
        return " ".join(filter(None, (self.kind, self._full_name, self.definition)))

    @property
    def _full_name(self) -> str:
        return f"{self.owner}.{self.name}" if self.name else self.owner


PartKey = tuple[str, str, str]


@dataclass(frozen=True)
class Schema:
    """Columns and indexes by table and name, and everything else by kind, owner and name."""

    columns: dict[tuple[str, str], Column]
    indexes: dict[tuple[str, str], Index]
    parts: dict[PartKey, Part] = field(default_factory=dict)

    @property
    def tables(self) -> frozenset[str]:
        """The names of its tables and views."""
        return frozenset(table for table, _ in self.columns)

    @property
    def places(self) -> frozenset[str]:
        """The names of all that is compared by itself: tables, and what stands beside them, such as `view recent`."""
        return self.tables | {part.place for part in self.parts.values()}

    def of(self, places: Iterable[str]) -> Schema:
        """Return the part of some `places`."""
        wanted = frozenset(places)
        return Schema(
            {key: column for key, column in self.columns.items() if key[0] in wanted},
            {key: index for key, index in self.indexes.items() if key[0] in wanted},
            {key: part for key, part in self.parts.items() if part.place in wanted},
        )

    def as_once_read(self) -> Schema:
        """Return what was read of a schema before there were `parts`: plans from then may still be carried out."""
        columns = {key: replace(column, collation="", comment="") for key, column in self.columns.items()}
        plain = {
            key: replace(index, columns=tuple(one.removesuffix(" DESC") for one in index.columns), extra="")
            for key, index in self.indexes.items()
        }
        return Schema(columns, plain)


def canonical(schema: Schema) -> str:
    """Write a schema as sorted lines, for comparing and for the digest of a plan."""
    parts = (part.line for part in schema.parts.values())
    columns, indexes = map(_column_line, schema.columns.values()), map(_index_line, schema.indexes.values())
    return "\n".join(sorted((*columns, *indexes, *parts)))


def _column_line(column: Column) -> str:
    return f"{column.table}.{column.name} {column.definition}"


def _index_line(index: Index) -> str:
    return f"{index.table} {index.kind} {index.name} ({', '.join(index.columns)}){_extra(index)}"


def _extra(index: Index) -> str:
    return f" {index.extra}" if index.extra else ""


def schema_digests(schema: Schema, digits: int = DIGITS) -> dict[str, str]:
    """Give the digest of each of a schema's `places`: the first digits of the SHA-256 of its canonical lines.

    Args:
        schema: all of it.
        digits: how many, hexadecimal ones.
    """
    lines: dict[str, list[str]] = defaultdict(list)
    for column in schema.columns.values():
        lines[column.table].append(_column_line(column))
    for index in schema.indexes.values():
        lines[index.table].append(_index_line(index))
    for part in schema.parts.values():
        lines[part.place].append(part.line)
    texts = {table: "\n".join(sorted(of_table)) for table, of_table in lines.items()}
    return {table: hashlib.sha256(text.encode()).hexdigest()[:digits] for table, text in texts.items()}


def schema_diff(before: Schema, after: Schema) -> dict[str, tuple[str, ...]]:
    """Describe the changes, for people: `+ user_sessions.token_id varchar(100) NULL, index`.

    Args:
        before: the tables as they were.
        after: the tables as they are.

    Returns:
        Lines by `Schema.places`, sorted; `+` is new, `-` is gone, `~` is different. What is unchanged is absent.
    """
    lines: dict[str, tuple[str, ...]] = {}
    for place in sorted(before.places | after.places):
        old, new = before.of([place]), after.of([place])
        found = _table_diff(place, old, new) if place in before.tables | after.tables else _parts_diff(old, new)
        if found:
            lines[place] = tuple(found)
    return lines


def _parts_diff(before: Schema, after: Schema) -> list[str]:
    old, new = before.parts, after.parts
    return [
        *(f"- {part.line}" for key, part in old.items() if key not in new),
        *(f"+ {part.line}" for key, part in new.items() if key not in old),
        *(f"~ {old[key].line} → {part.definition}" for key, part in new.items() if key in old and old[key] != part),
    ]


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
    return lines + _parts_diff(before, after)


def _index(index: Index) -> str:
    name = "" if index.name == "PRIMARY" else f" {index.name}"
    return f"{index.kind}{name} ({', '.join(index.columns)}){_extra(index)}"


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
