"""Running statements of the corpus on a real server, each on the same tables."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
from pymysql.constants import CLIENT
from ruamel.yaml import YAML

from bot.databases.migrations.sql.catalog import CATALOG_SQL
from tests.corpus.outcome import Outcome, Snapshot, TableContents, outcome, worst

DATABASE, OTHER_DATABASE = "corpus", "corpus_other"
_SECONDS = 10
_FEW_TABLES = 6
_STRICT = "STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
SQL_MODES = (_STRICT, "NO_ENGINE_SUBSTITUTION", "NO_ENGINE_SUBSTITUTION,ANSI_QUOTES,NO_BACKSLASH_ESCAPES")
"""A statement is harmful if it destroys something in any of these; they are tried in order until it does."""

_IN_THE_CORPUS = f"table_schema IN ('{DATABASE}', '{OTHER_DATABASE}')"
_TABLES = f"""
    SELECT table_schema, table_name, table_type FROM information_schema.tables
    WHERE {_IN_THE_CORPUS} AND table_type <> 'VIEW'
"""
_KEYS = f"""
    SELECT table_schema, table_name, column_name FROM information_schema.statistics
    WHERE {_IN_THE_CORPUS} AND index_name = 'PRIMARY' ORDER BY table_schema, table_name, seq_in_index
"""
_COLUMNS = f"""
    SELECT table_schema, table_name, column_name FROM information_schema.columns
    WHERE {_IN_THE_CORPUS} ORDER BY table_schema, table_name, ordinal_position
"""
_OBJECTS = """
    SELECT CONCAT('view ', table_name, view_definition) FROM information_schema.views WHERE table_schema = 'corpus'
    UNION ALL SELECT CONCAT('routine ', routine_name, COALESCE(routine_definition, ''))
        FROM information_schema.routines WHERE routine_schema = 'corpus'
    UNION ALL SELECT CONCAT('trigger ', trigger_name, event_object_table, action_statement)
        FROM information_schema.triggers WHERE trigger_schema = 'corpus'
    UNION ALL SELECT CONCAT('event ', event_name) FROM information_schema.events WHERE event_schema = 'corpus'
"""


@dataclass(frozen=True)
class Case:
    """One statement of the corpus.

    Args:
        family: the file it is in.
        sql: the text that is sent in one piece.
        given: statements that the same session ran before it.
    """

    family: str
    sql: str
    given: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Name it in the recorded outcomes."""
        return " ⏎ ".join((*self.given, self.sql))


@dataclass(frozen=True)
class FixtureObject:
    """A table, or a group of other objects, of the shared schema.

    Args:
        name: of the table, perhaps with its database.
        kind: `table`, `routines` or `sequence`.
        sql: what creates and fills it.
    """

    name: str
    kind: str
    sql: tuple[str, ...]

    @property
    def table(self) -> tuple[str, str]:
        """Its database and name."""
        database, dot, name = self.name.partition(".")
        return (database, name) if dot else (DATABASE, self.name)


_FOLDER = Path(__file__).parent


def cases() -> tuple[Case, ...]:
    """Load the corpus."""
    found = []
    for file in sorted((_FOLDER / "statements").glob("*.yaml")):
        for entry in YAML(typ="safe").load(file):
            given = () if isinstance(entry, str) else tuple(entry["given"])
            found.append(Case(file.stem, entry if isinstance(entry, str) else entry["sql"], given))
    return tuple(found)


class CorpusServer:
    """A server on which statements are tried. Everything in its databases `corpus` and `corpus_other` is replaced.

    Args:
        address: arguments of `pymysql.connect` that reach it as an account that may do everything.
    """

    def __init__(self, **address: Any) -> None:
        self._address = address
        self._root = self._connect(None)
        self.version = str(self._value("SELECT VERSION()"))
        self.kind = "mariadb" if "mariadb" in self.version.lower() else "mysql"
        self._fixture = tuple(
            FixtureObject(entry["name"], entry.get("kind", "table"), tuple(entry["sql"]))
            for entry in YAML(typ="safe").load(_FOLDER / "schema.yaml")
            if entry.get("on", self.kind) == self.kind
        )
        self._accounts: set[str] = set()
        self._accounts = self._users()
        self._rebuild()

    def close(self) -> None:
        """Close the session that it keeps."""
        self._root.close()

    def catalog(self) -> list[list[str]]:
        """Read the rows of the catalog of the fresh tables."""
        with self._root.cursor() as cursor:
            cursor.execute(f"USE {DATABASE}")
            cursor.execute(CATALOG_SQL)
            return sorted([str(_text(value)) for value in row] for row in cursor.fetchall())

    def outcome(self, case: Case) -> Outcome:
        """Run a statement in each SQL mode until it has destroyed something, and say what it did."""
        found = []
        lexes_alike = '"' not in case.sql and "\\" not in case.sql
        for mode in SQL_MODES[: 2 if lexes_alike else 3]:
            found.append(self._once(case, mode))
            if found[-1] is Outcome.DESTROYED:
                break
        return worst(found)

    def _once(self, case: Case, mode: str) -> Outcome:
        before, objects = self._baseline, self._objects
        session = self._connect(mode)
        try:
            with session.cursor() as cursor:
                for sql in case.given:
                    with contextlib.suppress(pymysql.Error):  # a setting that this kind of server does not have
                        _run(cursor, sql)
                if case.given:
                    before, objects = self._snapshot(), self._definitions()
                refused = False
                try:
                    _run(cursor, case.sql)
                except pymysql.Error:
                    refused = True
        finally:
            with contextlib.suppress(pymysql.Error):
                session.close()
        after, definitions = self._snapshot(), self._definitions()
        try:
            return outcome(before, after, objects != definitions, refused)
        finally:
            self._mend(after, definitions)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _snapshot(self) -> Snapshot:
        keys, columns = self._columns(_KEYS), self._columns(_COLUMNS)
        found: dict[tuple[str, str], TableContents | None] = {}
        for database, name, kind in self._rows(_TABLES):
            table = (database, name)
            found[table] = self._table(table, kind, columns.get(table, ()), keys.get(table, ()))
            if kind == "SYSTEM VERSIONED":
                found[f"history of {database}", name] = self._table(table, "HISTORY", columns.get(table, ()), ())
        return found

    def _columns(self, sql: str) -> dict[tuple[str, str], tuple[str, ...]]:
        found: dict[tuple[str, str], tuple[str, ...]] = {}
        for database, name, column in self._rows(sql):
            found[database, name] = (*found.get((database, name), ()), column)
        return found

    def _table(
        self, table: tuple[str, str], kind: str, columns: tuple[str, ...], key: tuple[str, ...]
    ) -> TableContents | None:
        quoted = ".".join(_quoted(part) for part in table)
        history = " FOR SYSTEM_TIME ALL" if kind == "HISTORY" else ""
        if kind == "SEQUENCE":
            columns, key = (), ()
        # columns by name: an invisible one is not among the stars
        names = ", ".join(_quoted(column) for column in columns) or "1"
        try:
            with self._root.cursor() as cursor:
                cursor.execute(f"SHOW CREATE TABLE {quoted}; SELECT {names} FROM {quoted}{history}")
                definition = str(_text(cursor.fetchall()[0][1]))
                cursor.nextset()
                content = tuple(sorted(cursor.fetchall(), key=repr))
        except pymysql.Error:
            return None
        columns = columns or ("1",)
        return TableContents(definition, columns, key or columns, content)

    def _definitions(self) -> frozenset[str]:
        return frozenset(str(row[0]) for row in self._rows(_OBJECTS))

    def _users(self) -> set[str]:
        return {f"{_text(user)}@{_text(host)}" for user, host in self._rows("SELECT user, host FROM mysql.user")}

    # ── the same tables for each statement ───────────────────────────────────────────────────────────────────────────

    def _mend(self, after: Snapshot, definitions: frozenset[str]) -> None:
        """Make the tables again as they were, those alone that are different."""
        self._do(f"SET GLOBAL sql_mode = '{SQL_MODES[0]}', foreign_key_checks = 1, event_scheduler = 0, read_only = 0")
        for user in self._users() - self._accounts:
            name, _, host = user.rpartition("@")
            self._do(f"DROP USER IF EXISTS '{name}'@'{host}'")
        dirty = {key for key in {*self._baseline, *after} if self._baseline.get(key) != after.get(key)}
        if not dirty and definitions == self._objects:
            return
        if definitions == self._objects and len(dirty) <= _FEW_TABLES and None not in after.values():
            with contextlib.suppress(pymysql.Error):
                self._replace(dirty)
                if self._definitions() == self._objects and self._snapshot().keys() == self._baseline.keys():
                    return
        self._rebuild()

    def _replace(self, tables: set[tuple[str, str]]) -> None:
        with self._root.cursor() as cursor:
            cursor.execute(f"USE {DATABASE}")
            cursor.execute("SET foreign_key_checks = 0")
            for database, name in tables:
                if not database.startswith(DATABASE):
                    continue  # a history goes with its table
                cursor.execute(f"DROP TABLE IF EXISTS {_quoted(database)}.{_quoted(name)}")
            for one in self._fixture:
                if one.table in tables:
                    for sql in one.sql:
                        cursor.execute(sql)
            cursor.execute("SET foreign_key_checks = 1")

    def _rebuild(self) -> None:
        with self._root.cursor() as cursor:
            cursor.execute("SET foreign_key_checks = 0")
            for database in (DATABASE, OTHER_DATABASE):
                cursor.execute(f"DROP DATABASE IF EXISTS {database}")
                cursor.execute(f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
            cursor.execute(f"USE {DATABASE}")
            for one in self._fixture:
                for sql in one.sql:
                    cursor.execute(sql)
            cursor.execute("SET foreign_key_checks = 1")
        self._baseline: Snapshot = self._snapshot()
        self._objects = self._definitions()

    # ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _connect(self, mode: str | None) -> Any:
        session = pymysql.connect(
            **self._address,
            user="root",
            charset="utf8mb4",
            autocommit=True,
            database=DATABASE if mode is not None else None,
            client_flag=CLIENT.MULTI_STATEMENTS,
            local_infile=True,
            ssl_disabled=True,
            read_timeout=_SECONDS,
            conv={},
        )
        with session.cursor() as cursor:
            cursor.execute(f"SET sql_mode = '{SQL_MODES[0] if mode is None else mode}', lock_wait_timeout = 3")
        return session

    def _do(self, sql: str) -> None:
        with contextlib.suppress(pymysql.Error), self._root.cursor() as cursor:
            cursor.execute(sql)

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self._root.cursor() as cursor:
            cursor.execute(sql)
            return [tuple(_text(value) for value in row) for row in cursor.fetchall()]

    def _value(self, sql: str) -> object:
        return self._rows(sql)[0][0]


@contextlib.contextmanager
def corpus_server(**address: Any) -> Iterator[CorpusServer]:
    """Open a server for the corpus.

    Args:
        address: of `CorpusServer`.
    """
    server = CorpusServer(**address)
    try:
        yield server
    finally:
        server.close()


def _run(cursor: Any, sql: str) -> None:
    cursor.execute(sql)
    while cursor.nextset():
        pass


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _text(value: object) -> object:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
