import asyncio
from collections.abc import Awaitable, Callable

import aiomysql
import pytest

from bot.demo.errors import DemoError
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.demo.host.general_log import GeneralLogStatement, parse_general_log
from bot.demo.host.tcp_proxy import TcpProxy
from tests.support import eventually


async def as_application(database: DemoDatabase, *statements: str, port: int | None = None) -> list[tuple[object, ...]]:
    connection = await aiomysql.connect(
        host=database.host,
        port=port or database.port,
        user=database.user,
        password=database.password,
        db=database.name,
        autocommit=True,
    )
    try:
        async with connection.cursor() as cursor:
            for statement in statements:
                await cursor.execute(statement)
            return list(await cursor.fetchall())
    finally:
        connection.close()


async def test_the_account_may_use_its_database_and_scratch_databases_only(database: DemoDatabase) -> None:
    scratch = f"{database.name}_countersign_1"
    await as_application(database, "CREATE TABLE t (id INT)", f"CREATE DATABASE {scratch}", f"DROP DATABASE {scratch}")
    for forbidden in ("CREATE DATABASE other", f"CREATE DATABASE {database.name}_other", "SELECT * FROM mysql.user"):
        with pytest.raises((aiomysql.OperationalError, aiomysql.ProgrammingError), match="denied"):
            await as_application(database, forbidden)


async def test_dropping_a_database_takes_its_scratch_databases_and_account(mariadb: DatabaseServer) -> None:
    made = await mariadb.create("leaving")
    await as_application(made, "CREATE DATABASE leaving_countersign_1")
    await mariadb.drop(made)
    left = await mariadb.query("SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'leaving%'")
    assert left == []
    with pytest.raises(aiomysql.OperationalError, match="denied"):
        await as_application(made, "SELECT 1")


async def test_root_is_not_reached_through_the_network(mariadb: DatabaseServer) -> None:
    root = DemoDatabase(mariadb.host, mariadb.port, "mysql", "root", "")
    with pytest.raises(aiomysql.OperationalError, match=r"denied|not allowed"):
        await as_application(root, "SELECT 1")


async def test_committed_data_outlives_kill_and_stop(mariadb: DatabaseServer, database: DemoDatabase) -> None:
    await as_application(database, "CREATE TABLE t (id INT)", "INSERT INTO t VALUES (1)")
    before = mariadb.pid
    await mariadb.kill()
    with pytest.raises(aiomysql.OperationalError):
        await as_application(database, "SELECT 1")
    await mariadb.start()
    assert mariadb.pid != before
    await mariadb.stop()
    await mariadb.start()
    assert await as_application(database, "SELECT id FROM t") == [(1,)]


async def test_the_general_log_tells_each_statement_once(mariadb: DatabaseServer, database: DemoDatabase) -> None:
    await as_application(database, "SELECT 'earlier'")
    position = mariadb.log_position()
    await as_application(database, "SELECT 'two\nlines'")
    ran = [statement.text for statement in mariadb.statements(position) if statement.ran]
    assert ran.count("SELECT 'two\nlines'") == 1
    assert "SELECT 'earlier'" not in ran


async def test_a_held_table_lets_an_alter_wait(mariadb: DatabaseServer, database: DemoDatabase) -> None:
    await as_application(database, "CREATE TABLE t (id INT)")
    async with mariadb.lock_table(database.name, "t"):
        change = asyncio.create_task(as_application(database, "ALTER TABLE t ADD extra INT"))
        await eventually(
            lambda: mariadb.query(
                "SELECT id FROM information_schema.processlist WHERE state LIKE %s AND db = %s",
                "%metadata lock%",
                database.name,
            )
        )
        assert list(await mariadb.columns(database.name, "t")) == ["id"]
    await change
    assert list(await mariadb.columns(database.name, "t")) == ["id", "extra"]


async def test_a_wire_stands_before_the_database_too(
    mariadb: DatabaseServer, database: DemoDatabase, new_wire: Callable[[int], Awaitable[TcpProxy]]
) -> None:
    wire = await new_wire(mariadb.port)
    assert await as_application(database, "SELECT 1", port=wire.port) == [(1,)]
    await wire.refuse()
    with pytest.raises(aiomysql.OperationalError):
        await as_application(database, "SELECT 1", port=wire.port)


@pytest.mark.parametrize("name", ["", "Big", "a-b", "a`b", "1a", "a" * 60])
async def test_odd_names_are_refused(mariadb: DatabaseServer, name: str) -> None:
    with pytest.raises(DemoError, match="nothing was created"):
        await mariadb.create(name or "-")


def test_a_general_log_is_split_into_records() -> None:
    text = (
        "/usr/sbin/mariadbd, Version: 10.11.19-MariaDB (Debian 12). started with:\n"
        "Tcp port: 3999  Unix socket: /x/s.sock\n"
        "Time\t\t    Id Command\tArgument\n"
        "261122 10:52:01\t     3 Connect\troot@localhost on compte using Socket\n"
        "\t\t     3 Query\tSELECT 1,\n"
        "  2\n"
        "261122  9:02:01\t    12 Prepare\talter table `t` add `c` int\n"
        "\t\t    12 Execute\talter table `t` add `c` int\n"
        "\t\t    12 Close stmt\t\n"
        "\t\t     3 Quit\t\n"
    )
    records = parse_general_log(text)
    assert records == (
        GeneralLogStatement(3, "Connect", "root@localhost on compte using Socket"),
        GeneralLogStatement(3, "Query", "SELECT 1,\n  2"),
        GeneralLogStatement(12, "Prepare", "alter table `t` add `c` int"),
        GeneralLogStatement(12, "Execute", "alter table `t` add `c` int"),
        GeneralLogStatement(12, "Close stmt", ""),
        GeneralLogStatement(3, "Quit", ""),
    )
    assert [record.ran for record in records] == [False, True, False, True, False, False]
