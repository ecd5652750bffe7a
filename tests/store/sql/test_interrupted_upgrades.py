"""A first start that is cut short at any statement: the next one makes the store whole."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.pool import NullPool

from bot.store.schema import metadata
from bot.store.sql import upgrade

_READS = ("SELECT", "SHOW", "DESCRIBE", "PRAGMA", "SET")
_FIRST = {"id": 1, "sequence": 0, "hash": "0" * 64}


class KilledError(BaseException):
    """The process ends here."""


def server_engine(url: str) -> Engine:
    """The same database over a driver that needs no event loop."""
    return create_engine(url.replace("+aiomysql", "+pymysql"), poolclass=NullPool, isolation_level="READ COMMITTED")


def file_engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)

    def set_up(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def upgraded(engine: Engine, after_write: Callable[[str, Any], None] = lambda statement, driver: None) -> None:
    """Upgrade, and call back with each statement that writes, and with the driver's connection."""
    with engine.connect() as connection:

        def after(_: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
            del rest
            if not statement.lstrip().startswith(_READS):
                after_write(f"{' '.join(statement.replace('`', '').split())} {parameters}", cursor.connection)

        event.listen(connection, "after_cursor_execute", after)
        with connection.begin():
            upgrade.upgrade(connection, "the store")


def killed_once(engine: Engine, passed: set[str]) -> bool:
    """Upgrade in a process that is killed after the first statement that is not in `passed`; False where it came up."""

    def kill(statement: str, driver: Any) -> None:
        if statement not in passed:
            passed.add(statement)
            driver._force_close()  # what the server sees of a killed process: an end without a farewell
            raise KilledError

    before = len(passed)
    try:
        upgraded(engine, kill)
    except BaseException:
        if len(passed) == before:
            raise
    return len(passed) > before


def require_whole(engine: Engine) -> None:
    with engine.begin() as connection:
        assert differences(connection) == []
        assert connection.execute(text("SELECT * FROM chain")).mappings().all() == [_FIRST]
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [upgrade.head()]


def differences(connection: Connection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))


@pytest.mark.xdist_group("mariadb")
def test_a_server_s_upgrade_that_is_killed_after_each_statement_is_completed(mariadb_url: str) -> None:
    engine = server_engine(mariadb_url)
    passed: set[str] = set()
    while killed_once(engine, passed):
        pass
    assert {name for name in metadata.tables if any(f"CREATE TABLE {name} " in each for each in passed)} == set(
        metadata.tables
    )
    assert sum("CREATE INDEX" in each for each in passed) == sum(len(table.indexes) for table in metadata.sorted_tables)
    assert sum(" alembic_version " in each for each in passed) > len(upgrade.versions())
    require_whole(engine)


def test_a_file_s_upgrade_that_is_killed_after_any_statement_leaves_nothing(tmp_path: Path) -> None:
    path, copies = tmp_path / "store.db", []

    def copy(statement: str, _: Any) -> None:
        del statement
        copies.append(tmp_path / f"{len(copies)}.db")
        for end in ("", "-journal"):  # as a killed process leaves them, at any moment
            if Path(f"{path}{end}").exists():
                shutil.copy(f"{path}{end}", f"{copies[-1]}{end}")

    upgraded(file_engine(path), copy)
    assert len(copies) > len(metadata.tables)
    for left in copies:
        connection = sqlite3.connect(left)
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        connection.close()
    upgraded(file_engine(copies[-1]))
    require_whole(file_engine(copies[-1]))
