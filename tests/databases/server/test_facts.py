"""Looks at a real MariaDB."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiomysql
import pytest

from bot.databases.server.connector import Connector
from bot.databases.server.facts import DatabaseLook
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.errors import Reason, RefusedError
from bot.domain.targets.look import AppliedMigration, RowCount, Session
from bot.domain.targets.table_names import TableNames
from bot.domain.targets.target import Target
from tests.support import eventually, numbers, on_mysql

LARAVEL_TABLE = "(id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, migration VARCHAR(255) NOT NULL, batch INT NOT NULL)"


@pytest.fixture
def look(connections: Connector) -> DatabaseLook:
    return DatabaseLook(connections)


@pytest.fixture
async def sees_all(mariadb: DatabaseServer, database: DemoDatabase) -> None:
    await mariadb.query(f"GRANT PROCESS ON *.* TO `{database.user}`@`%`")


@contextlib.asynccontextmanager
async def session_of(made: DemoDatabase) -> AsyncIterator[aiomysql.Cursor]:
    connection = await aiomysql.connect(
        host=made.host, port=made.port, user=made.user, password=made.password, db=made.name, autocommit=True
    )
    try:
        yield await connection.cursor()
    finally:
        connection.close()


@pytest.mark.parametrize("table", ["migrations", "my`migrations", "mig rations", "é%s", "-- x", "a" * 64, "q\"'\\"])
async def test_the_migrations_table_is_read_in_order_whatever_its_name(
    table: str, target: Target, look: DatabaseLook, mariadb: DatabaseServer, database: DemoDatabase
) -> None:
    quoted = "`" + table.replace("`", "``") + "`"
    await mariadb.query(f"CREATE TABLE {quoted} {LARAVEL_TABLE}", database=database.name)
    async with session_of(database) as cursor:
        await cursor.execute(f"INSERT INTO {quoted} (migration, batch) VALUES ('b', 1), ('a', 1), ('c', 2)")
    facts = await look.database(target, table)
    assert facts.has_table
    assert facts.ran == (AppliedMigration("b", 1), AppliedMigration("a", 1), AppliedMigration("c", 2))
    assert facts.version[0].isdigit()
    assert facts.size_bytes > 0


async def test_values_are_counted_with_the_rows_and_what_is_not_there_is_no_zero(
    target: Target, look: DatabaseLook, mariadb: DatabaseServer, database: DemoDatabase
) -> None:
    await mariadb.query("CREATE TABLE `users` (id INT, `fa``x` INT NULL)", database=database.name)
    await mariadb.query("INSERT INTO users VALUES (1, 5), (2, NULL), (3, 0)", database=database.name)
    assert await look.held(target, "users", "fa`x") == RowCount(3, 2)
    assert await look.held(target, "users", "") == RowCount(3, 3)
    for table, column in (("users", "tel"), ("user", ""), ("users", "x" * 65), ("", "id")):
        assert await look.held(target, table, column) is None


async def test_the_names_of_tables_and_views_are_read_as_they_are(
    target: Target, look: DatabaseLook, mariadb: DatabaseServer, database: DemoDatabase
) -> None:
    assert "users" not in await look.tables(target)
    for statement in ("CREATE TABLE `users` (id INT)", "CREATE VIEW `é%s` AS SELECT 1 AS one"):
        await mariadb.query(statement, database=database.name)
    there = await look.tables(target)
    assert there == TableNames(frozenset({"users", "é%s"}))
    assert "Users" not in there


@pytest.mark.parametrize("table", ["migrations", "", "x" * 65, "a\0b", "ends ", "🎉", "../x", "a.b"])
async def test_a_table_that_is_not_there_is_no_error(table: str, target: Target, look: DatabaseLook) -> None:
    facts = await look.database(target, table)
    assert not facts.has_table
    assert facts.ran == ()
    assert facts.size_bytes == 0


async def test_a_table_of_before_laravel_5_4_has_no_id(
    target: Target, look: DatabaseLook, mariadb: DatabaseServer, database: DemoDatabase
) -> None:
    await mariadb.query("CREATE TABLE migrations (migration VARCHAR(255), batch INT)", database=database.name)
    await mariadb.query("INSERT INTO migrations VALUES ('b', 1), ('a', 1), ('0', 2)", database=database.name)
    assert (await look.database(target, "migrations")).ran == (
        AppliedMigration("a", 1),
        AppliedMigration("b", 1),
        AppliedMigration("0", 2),
    )


async def test_a_table_of_something_else_is_refused(
    target: Target, look: DatabaseLook, mariadb: DatabaseServer, database: DemoDatabase
) -> None:
    await mariadb.query("CREATE TABLE migrations (name TEXT)", database=database.name)
    with pytest.raises(RefusedError) as caught:
        await look.database(target, "migrations")
    assert caught.value.problem.facts["table"] == "migrations"


async def test_a_locked_migrations_table_is_not_waited_for(
    target: Target, look: DatabaseLook, mariadb: DatabaseServer, database: DemoDatabase
) -> None:
    await mariadb.query(f"CREATE TABLE migrations {LARAVEL_TABLE}", database=database.name)
    async with session_of(database) as cursor:
        await cursor.execute("LOCK TABLES migrations WRITE")
        with pytest.raises(RefusedError) as caught:
            await look.database(target, "migrations")
    assert caught.value.problem.reason is Reason.BLOCKED_BY_SESSIONS


@pytest.mark.usefixtures("sees_all")
async def test_an_idle_transaction_and_who_waits_behind_it_are_seen(
    target: Target, look: DatabaseLook, mariadb: DatabaseServer, database: DemoDatabase
) -> None:
    await mariadb.query("CREATE TABLE t (a INT)", database=database.name)
    async with session_of(database) as idle, session_of(database) as waiting:
        await idle.execute("START TRANSACTION")
        await idle.execute("SELECT * FROM t")
        sending = waiting.execute("ALTER TABLE t ADD b INT")
        async with ended(sending):

            async def sessions() -> tuple[Session, ...]:
                return (await look.database(target, "migrations")).sessions

            async def both() -> tuple[Session, ...]:
                found = await sessions()
                return found if len(found) == 2 else ()

            blocker, waiter = await eventually(both, seconds=15)
            assert (blocker.waits, waiter.waits) == (False, True)
            assert blocker.user == waiter.user == database.user
            assert blocker.seconds >= 5
            assert waiter.query == "ALTER TABLE t ADD b INT"
            await mariadb.query(f"KILL {waiter.id}")
            await mariadb.query(f"KILL {blocker.id}")
    assert (await look.database(target, "migrations")).sees_all_sessions


async def test_without_the_privilege_only_its_own_sessions_are_seen_and_it_says_so(
    target: Target, look: DatabaseLook, mariadb: DatabaseServer, database: DemoDatabase
) -> None:
    await mariadb.query("CREATE TABLE t (a INT)", database=database.name)
    async with (
        mariadb.lock_table(database.name, "t"),
        session_of(database) as waiting,
        ended(waiting.execute("ALTER TABLE t ADD b INT")),
    ):

        async def seen() -> tuple[Session, ...]:
            facts = await look.database(target, "migrations")
            assert not facts.sees_all_sessions
            return facts.sessions

        (waiter,) = await eventually(seen)
        assert waiter.waits
        await mariadb.query(f"KILL {waiter.id}")


@pytest.mark.usefixtures("sees_all")
async def test_transactions_of_other_databases_are_not_told(
    target: Target, look: DatabaseLook, mariadb: DatabaseServer
) -> None:
    other = await mariadb.create("elsewhere")
    try:
        await mariadb.query("CREATE TABLE t (a INT)", database=other.name)
        async with session_of(other) as cursor:
            await cursor.execute("START TRANSACTION")
            await cursor.execute("SELECT * FROM t")

            async def old_enough() -> bool:
                rows = await mariadb.query(
                    "SELECT 1 FROM information_schema.innodb_trx WHERE trx_started < NOW() - INTERVAL 6 SECOND"
                )
                return bool(rows)

            await eventually(old_enough, seconds=15)
            assert (await look.database(target, "migrations")).sessions == ()
    finally:
        await mariadb.drop(other)


async def test_two_thousand_migrations_are_read(
    target: Target, look: DatabaseLook, mariadb: DatabaseServer, database: DemoDatabase
) -> None:
    await mariadb.query(f"CREATE TABLE migrations {LARAVEL_TABLE}", database=database.name)
    await mariadb.query(
        "INSERT INTO migrations (migration, batch)"
        f" SELECT CONCAT('m', seq), seq DIV 10 FROM {numbers(2000)} ORDER BY seq",
        database=database.name,
    )
    ran = (await look.database(target, "migrations")).ran
    assert len(ran) == 2000
    assert ran[-1] == AppliedMigration("m2000", 200)


@contextlib.asynccontextmanager
async def ended(sending: Awaitable[object]) -> AsyncIterator[None]:
    """Run a statement meanwhile; however it ends is fine."""
    task = asyncio.ensure_future(sending)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@on_mysql("a list of sessions in performance_schema")
async def test_the_sessions_are_read_where_that_holds_up_nobody(
    servers_folder: Path, target_of: Callable[..., Target], look: DatabaseLook
) -> None:
    folder = servers_folder / "performance"
    folder.mkdir()
    async with DatabaseServer(folder, ("--performance-schema=1",)) as server:
        made = await server.create("performance")
        await server.query(f"GRANT PROCESS ON *.* TO `{made.user}`@`%`")
        await server.query("CREATE TABLE held (a INT)", database=made.name)
        since = server.log_position()
        target = target_of(made)

        async def waits() -> tuple[Session, ...]:
            return tuple(one for one in (await look.database(target, None)).sessions if one.waits)

        async with session_of(made) as cursor:
            async with server.lock_table(made.name, "held"):
                altering = asyncio.create_task(cursor.execute("ALTER TABLE held ADD b INT"))
                [waiting] = await eventually(waits)
            await altering
        assert "ALTER TABLE held" in waiting.query
        asked = [one.text.lower() for one in server.statements(since) if "processlist" in one.text.lower()]
        assert asked
        assert not any("information_schema.processlist" in text for text in asked)
        await server.drop(made)
