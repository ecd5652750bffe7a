"""Sessions with a real MariaDB: what they refuse, what they leave behind, what their errors say."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from bot.databases.server.connection import QueryLimits
from bot.databases.server.connector import Connector
from bot.databases.server.errors import ServerError
from bot.databases.server.session import ReadOnlySession
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.demo.host.tcp_proxy import TcpProxy
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.secrets import Secret
from bot.domain.targets.target import Target
from tests.databases.support.local import StraightTunnels
from tests.support import eventually
from tests.support.vendors import PROGRAMS

READ_ONLY = 1792


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t VALUES (2)",
        "UPDATE t SET a = 3",
        "DELETE FROM t",
        "TRUNCATE t",
        "CREATE TABLE u (a INT)",
        "ALTER TABLE t ADD b INT",
        "DROP TABLE t",
        "CREATE DATABASE {name}_countersign_x",
        "CALL p()",
        "SELECT f()",
    ],
)
async def test_the_server_refuses_to_write_in_a_session(
    statement: str, target: Target, connections: Connector, database: DemoDatabase, mariadb: DatabaseServer
) -> None:
    await mariadb.query("CREATE TABLE t (a INT)", database=database.name)
    await mariadb.query("INSERT INTO t VALUES (1)", database=database.name)
    await mariadb.query("CREATE PROCEDURE p() INSERT INTO t VALUES (4)", database=database.name)
    await mariadb.query(
        "CREATE FUNCTION f() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO t VALUES (5); RETURN 1; END",
        database=database.name,
    )
    async with connections.reading(target) as session:
        with pytest.raises(ServerError) as caught:
            await session.rows(statement.format(name=database.name))
        assert caught.value.number == READ_ONLY
        assert await session.rows("SELECT a FROM t") == ((1,),)


STATEMENT_LIMIT, A_SECOND = {"MariaDB": ("max_statement_time", 1), "MySQL": ("max_execution_time", 1000)}[
    PROGRAMS.vendor
]


async def test_a_statement_has_a_limit_at_the_server_too(target: Target, tunnels: StraightTunnels) -> None:
    async with Connector(tunnels.open, QueryLimits(query=7)).reading(target) as session:
        assert [float(row[0]) for row in await session.rows(f"SELECT @@{STATEMENT_LIMIT}")] == [7.0 * A_SECOND]
        assert await session.rows("SELECT @@lock_wait_timeout, @@innodb_lock_wait_timeout") == ((2, 2),)


async def running(mariadb: DatabaseServer, text: str) -> bool:
    rows = await mariadb.query(
        "SELECT id FROM information_schema.processlist WHERE info LIKE %s AND id <> CONNECTION_ID()", f"%{text}%"
    )
    return bool(rows)


async def ended(mariadb: DatabaseServer, text: str) -> None:
    """A statement that is killed goes a moment later, and long before its own nine seconds."""

    async def gone() -> bool:
        return not await running(mariadb, text)

    await eventually(gone, 3, what=f"the end of {text}")


async def test_a_cancelled_statement_is_ended_at_the_server(
    target: Target, connections: Connector, mariadb: DatabaseServer
) -> None:
    async def ask() -> None:
        async with connections.reading(target) as session:
            await session.rows("SELECT SLEEP(9.101)")

    asking = asyncio.create_task(ask())
    await eventually(lambda: running(mariadb, "SLEEP(9.101)"))
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await ended(mariadb, "SLEEP(9.101)")


async def test_a_statement_that_takes_too_long_is_ended_at_the_server(
    target: Target, tunnels: StraightTunnels, mariadb: DatabaseServer
) -> None:
    async def ask() -> None:
        async with Connector(tunnels.open, QueryLimits(query=0.3)).reading(target) as session:
            await session.rows(f"SET SESSION {STATEMENT_LIMIT} = 0")  # so that the bot's own limit is what ends it
            await session.rows("SELECT SLEEP(9.102)")

    with pytest.raises(RefusedError) as caught:
        await ask()
    assert caught.value.problem.reason is Reason.DATABASE_UNREACHABLE
    assert "0.3 s" in caught.value.problem.facts["detail"]
    await ended(mariadb, "SLEEP(9.102)")


@pytest.mark.parametrize(
    ("changes", "reason", "code"),
    [
        ({"password": Secret("wrong-password")}, Reason.DATABASE_LOGIN_REFUSED, "1045"),
        ({"user": "nobody"}, Reason.DATABASE_LOGIN_REFUSED, "1045"),
        ({"name": "another"}, Reason.DATABASE_LOGIN_REFUSED, "1044"),
    ],
)
async def test_a_refused_login_says_who_and_where(
    changes: dict[str, object], reason: Reason, code: str, connections: Connector, database: DemoDatabase,
    target_of: Callable[..., Target],
) -> None:  # fmt: skip
    target = target_of(database, **changes)
    with pytest.raises(RefusedError) as caught:
        async with connections.reading(target):
            pass
    found = caught.value.problem
    assert (found.reason, found.facts["code"]) == (reason, code)
    assert target.database is not None
    assert found.facts["user"] == target.database.user
    assert found.facts["port"] == str(target.database.port)
    assert "wrong-password" not in str(found)


async def test_a_database_that_does_not_exist_is_missing(
    connections: Connector, database: DemoDatabase, target_of: Callable[..., Target]
) -> None:
    name = f"{database.name}_countersign_gone"  # this user may see it, if it were there
    with pytest.raises(RefusedError) as caught:
        async with connections.reading(target_of(database, name=name)):
            pass
    assert caught.value.problem.reason is Reason.DATABASE_MISSING
    assert caught.value.problem.facts["database"] == name


async def test_a_target_without_a_database_is_refused(connections: Connector, target: Target) -> None:
    with pytest.raises(RefusedError) as caught:
        async with connections.reading(replace(target, database=None)):
            pass
    assert caught.value.problem.reason is Reason.DATABASE_MISSING


async def test_nobody_there_is_unreachable(
    connections: Connector, database: DemoDatabase, target_of: Callable[..., Target], free_port: int
) -> None:
    with pytest.raises(RefusedError) as caught:
        async with connections.reading(target_of(database, port=free_port)):
            pass
    assert caught.value.problem.reason is Reason.DATABASE_UNREACHABLE
    assert caught.value.problem.facts["port"] == str(free_port)


@pytest.mark.parametrize(
    "greeting",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\xff" * 400,
        b"\x05\x00\x00\x00\x0a5.5\x00",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
)
async def test_what_is_no_database_server_is_unreachable(
    greeting: bytes, tunnels: StraightTunnels, database: DemoDatabase, target_of: Callable[..., Target]
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(RefusedError) as caught:
            async with Connector(tunnels.open, QueryLimits(connect=1)).reading(target_of(database, port=port)):
                pass
    assert caught.value.problem.reason is Reason.DATABASE_UNREACHABLE


async def test_a_silent_server_is_given_up(
    tunnels: StraightTunnels, database: DemoDatabase, target_of: Callable[..., Target], new_wire: Callable[..., object]
) -> None:
    wire: TcpProxy = await new_wire(database.port)
    wire.freeze()
    with pytest.raises(RefusedError) as caught:
        async with Connector(tunnels.open, QueryLimits(connect=0.3)).reading(target_of(database, port=wire.port)):
            pass
    assert caught.value.problem.reason is Reason.DATABASE_UNREACHABLE


async def test_a_lost_connection_is_unreachable(
    connections: Connector, database: DemoDatabase, target_of: Callable[..., Target], new_wire: Callable[..., object]
) -> None:
    wire: TcpProxy = await new_wire(database.port)

    async def ask() -> None:
        async with connections.reading(target_of(database, port=wire.port)) as session:
            wire.reset()
            await session.rows("SELECT 1")

    with pytest.raises(RefusedError) as caught:
        await ask()
    assert caught.value.problem.reason is Reason.DATABASE_UNREACHABLE


async def test_a_hosts_reason_passes_through(database: DemoDatabase, target_of: Callable[..., Target]) -> None:
    class NoWay:
        @contextlib.asynccontextmanager
        async def open(self, via: str, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
            raise RefusedError(problem(Reason.HOST_UNREACHABLE, host=via))
            yield host, port

    with pytest.raises(RefusedError) as caught:
        async with Connector(NoWay().open).reading(target_of(database, via="web1")):
            pass
    assert caught.value.problem == problem(Reason.HOST_UNREACHABLE, host="web1")


async def test_a_way_through_a_host_is_closed_after_use(
    connections: Connector, tunnels: StraightTunnels, database: DemoDatabase, target_of: Callable[..., Target]
) -> None:
    async with connections.reading(target_of(database, via="web1")) as session:
        assert tunnels.open_now == 1
        assert await session.rows("SELECT 1") == ((1,),)
    assert tunnels.opened == [("web1", database.host, database.port)]
    assert tunnels.open_now == 0


async def test_no_session_stays_at_the_server(
    target: Target, connections: Connector, database: DemoDatabase, mariadb: DatabaseServer
) -> None:
    async with connections.reading(target):
        pass

    async def gone() -> bool:
        return not await mariadb.query("SELECT id FROM information_schema.processlist WHERE user = %s", database.user)

    await eventually(gone)


def test_whose_server_it_is_follows_from_its_version() -> None:
    def flavour(version: str) -> str:
        return ReadOnlySession(version, None).flavour.value

    assert flavour("10.11.6-MariaDB-0+deb12u1") == "mariadb"
    assert flavour("5.5.5-11.4.2-MariaDB-log") == "mariadb"
    assert flavour("8.0.36") == "mysql"
    assert flavour("8.0.mysql_aurora.3.05.2") == "mysql"
