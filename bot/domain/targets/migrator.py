"""What a framework's migrator itself says of an application: which migrations exist, where, and which have run. Pure.

A recipe's `migrator.ask` prints it as lines of JSON, with their keys in this order and without blanks; other lines are
skipped, because an application may print what it likes.

    {"is":"table","name":"app_migrations","exists":true}
    {"is":"database","driver":"mysql","others":["compte_audit"],"name":"compte","server":"db1:3306 /var/lib/mysql/"}
    {"is":"env","key":"DB_WRITE_HOST","means":"host"}
    {"is":"schema","sha256":"…","path":"database/schema/mysql-schema.sql","file":"/…"}
    {"is":"pending","sha256":"…","name":"…","path":"database/migrations/….php","file":"/…"}
    {"is":"ran","sha256":"…","name":"…","path":"vendor/acme/audit/….php","file":"/…"}
    {"is":"row","name":"…","batch":3}
    {"is":"count","table":"users","rows":286}
    {"is":"end"}

`database` is where the migrations run, as the server itself calls it, and the other databases that the application's
connections name. `env` is a key of the application's environment file that says where that database is, or as whom; a
sandbox reads it (`sandbox_rehearsal.sh`). `schema` is a dump that the migrator would load before it runs the
migrations. `pending` and `ran` are in the order in which migrations run, `row` is a row of the table, in the order in
which they ran. `path` is relative to the application's folder, or absolute where the file lies outside of it. `count`
is of a table that was asked about (`COUNTERSIGN_COUNT`, one a line).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.runs.migration_source import MigrationSource
from bot.domain.targets.look import AppliedMigration

_START = '{"is":"'


@dataclass(frozen=True)
class UsedDatabase:
    """The database in which a framework runs migrations.

    Args:
        driver: of the connection, as the framework calls it.
        name: as the server calls it.
        server: which server answered, as `DatabaseFacts.server`; empty if it does not say.
        others: databases of the application's other connections.
    """

    driver: str
    name: str
    server: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class MigratorAnswer:
    """What a migrator says.

    Args:
        table: in which it records the migrations that ran, with its prefix.
        has_table: whether it exists.
        pending: the migrations that it would run, in order.
        ran: the migrations that ran and have a file, in order.
        rows: of the table, in the order in which they ran.
        schema: the dump that it would load first; its name is empty. None where there is none.
        counts: rows of the tables that were asked about; None for one that is not there.
        database: in which that is; None if it does not say.
        squashed: names of migrations that ran and have no file any more, but are in a dump of the schema.
    """

    table: str
    has_table: bool
    pending: tuple[MigrationSource, ...]
    ran: tuple[MigrationSource, ...]
    rows: tuple[AppliedMigration, ...]
    schema: MigrationSource | None
    counts: Mapping[str, int | None]
    database: UsedDatabase | None = None
    squashed: tuple[str, ...] = ()

    def find(self, name: str) -> MigrationSource | None:
        """Give the file of a migration; None if it has none."""
        return next((source for source in (*self.pending, *self.ran) if source.name == name), None)


def parse_migrator(text: str) -> MigratorAnswer:
    """Read what the question of a recipe printed.

    Raises:
        ValueError: it is not a whole answer.
    """
    lines = tuple(_lines(text))
    kinds = [line["is"] for line in lines]
    if kinds[:1] != ["table"] or kinds[-1:] != ["end"]:
        raise ValueError("the answer of the migrator was cut off")
    try:
        used = [_used(line) for line in lines if line["is"] == "database"]
        schema = [_source(line) for line in lines if line["is"] == "schema"]
        return MigratorAnswer(
            table=_text(lines[0]["name"]),
            has_table=lines[0]["exists"] is True,
            pending=tuple(_source(line) for line in lines if line["is"] == "pending"),
            ran=tuple(_source(line) for line in lines if line["is"] == "ran"),
            rows=tuple(
                AppliedMigration(_text(line["name"]), _number(line["batch"])) for line in lines if line["is"] == "row"
            ),
            schema=schema[0] if schema else None,
            counts={_text(line["table"]): _number(line["rows"]) for line in lines if line["is"] == "count"},
            database=used[0] if used else None,
            squashed=tuple(_text(line["name"]) for line in lines if line["is"] == "squashed"),
        )
    except KeyError as missing:
        raise ValueError(f"the answer of the migrator lacks {missing}") from None


def source_lines(sources: Iterable[MigrationSource], kind: str) -> str:
    """Write the beginnings of the lines with which a migrator must name some files: all but where they lie on the host.

    Of a file that is not known that is its name alone.

    Args:
        sources: in order.
        kind: `schema`, `pending` or `ran`.
    """
    return "".join(f"{_written(_keys_of(source, kind))[:-1]}\n" for source in sources)


def row_lines(names: Iterable[str]) -> str:
    """Write the beginnings of the lines with which a migrator must name some rows: all but their batch.

    Args:
        names: of migrations, in the order in which they ran.
    """
    return "".join(f"{_written({'is': 'row', 'name': name})[:-1]}\n" for name in names)


def _keys_of(source: MigrationSource, kind: str) -> dict[str, str]:
    name = {} if kind == "schema" else {"name": source.name}
    if not source.is_known:
        return {"is": kind, **name}
    return {"is": kind, "sha256": source.sha256, **name, "path": source.path}


def _written(value: dict[str, str]) -> str:
    # As PHP's `json_encode` with JSON_UNESCAPED_SLASHES writes it.
    return json.dumps(value, separators=(",", ":"))


def _lines(text: str) -> Iterator[dict[str, Any]]:
    for line in text.split("\n"):
        if line.startswith(_START):
            try:
                yield dict(json.loads(line))
            except ValueError:
                raise ValueError(f"not a line of a migrator's answer: {line[:80]!r}") from None


def _used(line: Mapping[str, Any]) -> UsedDatabase:
    others = line.get("others", [])
    if not isinstance(others, list):
        raise ValueError(f"not a list of a migrator's answer: {others!r}")  # noqa: TRY004 - an answer is data
    return UsedDatabase(
        _text(line["driver"]), _text(line["name"]), _text(line.get("server", "")), tuple(_text(name) for name in others)
    )


def _source(line: Mapping[str, Any]) -> MigrationSource:
    return MigrationSource(_text(line.get("name", "")), _text(line["path"]), _text(line["sha256"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"not a text of a migrator's answer: {value!r}")  # noqa: TRY004 - an answer is data
    return value


def _number(value: object) -> int | None:
    if value is not None and type(value) is not int:
        raise ValueError(f"not a number of a migrator's answer: {value!r}")
    return value
