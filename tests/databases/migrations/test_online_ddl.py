"""What a server would do to a table is predicted, and true: the live table accepts that way and no gentler one."""

from collections.abc import Callable

import aiomysql
import pytest

from bot.databases.migrations.online_ddl import copies_beside, predict
from bot.databases.migrations.sql.ddl import read_statement
from bot.databases.server.connector import Connector
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.errors import Reason, RefusedError
from bot.domain.runs.migration_risk import Online
from bot.domain.secrets import Secret
from bot.domain.targets.target import Target
from tests.support.vendors import BY_INDEX

TABLES = (
    "CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR(50) NOT NULL, fax VARCHAR(40), note TEXT) ENGINE=InnoDB",
    "CREATE TABLE `odd``name` (id INT PRIMARY KEY, user_id INT) ENGINE=InnoDB",
)
GENTLEST = ["INSTANT", "NOCOPY", "INPLACE", "COPY"]


@pytest.fixture
async def made(mariadb: DatabaseServer, database: DemoDatabase) -> DemoDatabase:
    for table in TABLES:
        await mariadb.query(table, database=database.name)
    return database


async def predicted(connections: Connector, target: Target, *statements: str) -> list[tuple[Online, bool] | None]:
    assert target.database is not None
    name = target.database.name
    async with connections.throwaway(target, f"{name}_countersign_x") as sandbox:
        read = tuple(read_statement(sql) for sql in statements)
        found = await predict(sandbox, copies_beside(name), {"users", "odd`name"}, read)
    return [(found[place].online, found[place].writes_wait) if place in found else None for place in range(len(read))]


@pytest.mark.parametrize(
    ("sql", "online", "writes_wait"),
    [
        ("alter table `users` add `x` varchar(100) null", Online.INSTANT, False),
        ("alter table users add index i (name)", Online(BY_INDEX), False),
        ("create index i on users (name)", Online(BY_INDEX), False),
        ("alter table users drop primary key, add primary key (name)", Online.INPLACE, False),
        ("alter table users add fulltext (note)", Online.INPLACE, True),
        ("ALTER TABLE users MODIFY fax TEXT NULL", Online.COPY, True),
        ("alter table users add constraint f foreign key (id) references `odd``name` (id)", Online.COPY, True),
        ("alter table `odd``name` add `a b` int", Online.INSTANT, False),
    ],
)
async def test_a_prediction_is_true(
    connections: Connector,
    target_of: Callable[..., Target],
    made: DemoDatabase,
    mariadb: DatabaseServer,
    sql: str,
    online: Online,
    writes_wait: bool,
) -> None:
    assert await predicted(connections, target_of(made, scratch=True), sql) == [(online, writes_wait)]
    comma = ", " if sql.lower().startswith("alter") else " "
    for gentler in GENTLEST[: GENTLEST.index(online.value)]:
        with pytest.raises(aiomysql.Error):
            await mariadb.query(f"{sql}{comma}ALGORITHM={gentler}{comma}LOCK=NONE", database=made.name)
    await mariadb.query(f"{sql}{comma}ALGORITHM={online.value}", database=made.name)


async def test_each_statement_finds_what_the_one_before_it_left(
    connections: Connector, target_of: Callable[..., Target], made: DemoDatabase
) -> None:
    found = await predicted(
        connections,
        target_of(made, scratch=True),
        "alter table users add x int",
        "create table fresh (id int primary key)",
        "alter table fresh add y int",
        "alter table users add index i (x)",
        "update users set x = 1",
        "alter table users rename to people",
        "alter table people drop index i",
    )
    assert found == [
        (Online.INSTANT, False),
        None,
        (Online.INSTANT, False),
        (Online(BY_INDEX), False),
        None,
        (Online.INSTANT, False),
        (Online(BY_INDEX), False),
    ]


async def test_what_names_another_database_is_not_tried(
    connections: Connector, target_of: Callable[..., Target], made: DemoDatabase, mariadb: DatabaseServer
) -> None:
    found = await predicted(
        connections,
        target_of(made, scratch=True),
        f"alter table `{made.name}`.users drop fax",
        "alter table users /*! drop fax */",
    )
    assert found[0] == (Online.UNKNOWN, True)
    assert "fax" in await mariadb.columns(made.name, "users")


async def test_the_database_is_gone_afterwards_whatever_happened(
    connections: Connector, target_of: Callable[..., Target], made: DemoDatabase, mariadb: DatabaseServer
) -> None:
    name = f"{made.name}_countersign_x"
    with pytest.raises(RuntimeError, match="on the way"):  # noqa: PT012 - the context is what is tried
        async with connections.throwaway(target_of(made, scratch=True), name) as session:
            await session.run("CREATE TABLE t (a INT)")
            raise RuntimeError("on the way")
    assert await mariadb.query("SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", name) == []


@pytest.mark.parametrize(("scratch", "suffix"), [(False, "_countersign_x"), (True, "_other"), (True, "")])
async def test_only_what_the_target_allows_is_made_and_dropped(
    connections: Connector, target_of: Callable[..., Target], made: DemoDatabase, scratch: bool, suffix: str
) -> None:
    with pytest.raises(ValueError, match="allows no database"):
        async with connections.throwaway(target_of(made, scratch=scratch), made.name + suffix):
            pass


async def test_a_wrong_password_is_said(
    connections: Connector, target_of: Callable[..., Target], made: DemoDatabase
) -> None:
    target = target_of(made, scratch=True, password=Secret("wrong"))
    with pytest.raises(RefusedError) as caught:
        async with connections.throwaway(target, f"{made.name}_countersign_x"):
            pass
    assert caught.value.problem.reason is Reason.DATABASE_LOGIN_REFUSED
