"""Replication between two real servers, as each of them tells it to accounts with and without privileges."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import aiomysql
import pytest
import pytest_asyncio

from bot.databases.server.connector import Connector
from bot.databases.server.facts import DatabaseLook
from bot.databases.server.replication import primaries_of, replicas_of
from bot.databases.server.session import Flavour
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.targets.look import HiddenReplication, Primary, Replica, Replication
from bot.domain.targets.target import Target
from tests.databases.support.contents import session_of
from tests.support import eventually, on_mariadb
from tests.support.vendors import PROGRAMS

ACCOUNT = "compte"


@dataclass(frozen=True)
class Words:
    """How a vendor's servers are told to replicate.

    Args:
        options: of both servers.
        forget: what empties the binary log.
        follow: what makes a replica, with `{host}` and `{port}`.
        noun: what a replica is called.
        written: what was written, as SQL.
        applied: what was applied, as SQL.
        duplicate: what a replica says of a row that is there already.
        shows: the privilege that shows the state of a replica.
        tells_everybody: whether everybody may know how many replicas there are, and whether the server is one.
    """

    options: tuple[str, ...]
    forget: str
    follow: str
    noun: str
    written: str
    applied: str
    duplicate: str
    shows: str
    tells_everybody: bool


WORDS = {
    "MariaDB": Words(
        ("--log-bin",),
        "RESET MASTER",
        "CHANGE MASTER TO MASTER_HOST='{host}', MASTER_PORT={port}, MASTER_USER='follows', MASTER_PASSWORD='x',"
        " MASTER_CONNECT_RETRY=1, MASTER_USE_GTID=slave_pos",
        "SLAVE",
        "@@gtid_binlog_pos",
        "@@gtid_slave_pos",
        "Duplicate entry '1'",
        "SLAVE MONITOR",
        tells_everybody=True,
    ),
    "MySQL": Words(
        ("--gtid-mode=ON", "--enforce-gtid-consistency=ON"),
        "RESET BINARY LOGS AND GTIDS",
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST='{host}', SOURCE_PORT={port}, SOURCE_USER='follows',"
        " SOURCE_PASSWORD='x', SOURCE_CONNECT_RETRY=1, SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1",
        "REPLICA",
        "@@gtid_executed",
        "@@gtid_executed",
        "Coordinator stopped because there were error(s) in the worker(s)",
        "REPLICATION CLIENT",
        tells_everybody=False,
    ),
}[PROGRAMS.vendor]


@dataclass(frozen=True)
class Pair:
    """A primary and the replica that follows it.

    Args:
        primary: keeps a binary log.
        replica: replicates everything, accounts too.
        on_primary: a database as it is on the primary.
        on_replica: the same one on the replica.
    """

    primary: DatabaseServer
    replica: DatabaseServer
    on_primary: DemoDatabase
    on_replica: DemoDatabase

    async def caught_up(self) -> bool:
        """Whether the replica has applied everything."""
        [at] = await self.primary.query(f"SELECT {WORDS.written} AS at")
        [applied] = await self.replica.query(f"SELECT {WORDS.applied} AS at")
        return str(at["at"]) in str(applied["at"])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair(servers_folder: Path) -> AsyncIterator[Pair]:
    async with contextlib.AsyncExitStack() as stack:
        servers = []
        for number, options in enumerate(((), ("--report-host=replica.example", "--read-only=1")), 1):
            folder = servers_folder / f"replicated-{number}"
            folder.mkdir()
            server = DatabaseServer(folder, (f"--server-id={number}", *WORDS.options, *options))
            servers.append(await stack.enter_async_context(server))
        primary, replica = servers
        await primary.query("CREATE USER follows@'%' IDENTIFIED BY 'x'")
        await primary.query("GRANT REPLICATION SLAVE ON *.* TO follows@'%'")
        for server in servers:
            await server.query(WORDS.forget)
        await replica.query(WORDS.follow.format(host=primary.host, port=primary.port))
        await replica.query(f"START {WORDS.noun}")
        made = await primary.create(ACCOUNT)
        copied = DemoDatabase(replica.host, replica.port, made.name, made.user, made.password)
        both = Pair(primary, replica, made, copied)
        await eventually(both.caught_up, seconds=120)
        yield both


@pytest.fixture
async def grants(pair: Pair) -> AsyncIterator[Callable[..., object]]:
    given: list[str] = []

    async def grant(*privileges: str) -> None:
        given.extend(privileges)
        for privilege in privileges:
            await pair.primary.query(f"GRANT {privilege} ON *.* TO `{ACCOUNT}`@`%`")
        await eventually(pair.caught_up, seconds=120)

    yield grant
    for privilege in given:
        await pair.primary.query(f"REVOKE {privilege} ON *.* FROM `{ACCOUNT}`@`%`")
    await eventually(pair.caught_up, seconds=120)


@pytest.fixture
def replication(
    connections: Connector, target_of: Callable[[DemoDatabase], Target]
) -> Callable[[DemoDatabase], object]:
    async def of(made: DemoDatabase) -> Replication:
        return (await DatabaseLook(connections).database(target_of(made), "migrations")).replication

    return of


async def test_a_server_of_its_own_has_nothing_to_tell(replication, database: DemoDatabase) -> None:
    hidden = {HiddenReplication.PRIMARY: WORDS.shows, HiddenReplication.REPLICAS: "PROCESS"}
    assert await replication(database) == (
        Replication() if WORDS.tells_everybody else Replication(replica_count=None, hidden=hidden)
    )


@on_mariadb("what everybody may know of replication")
async def test_without_privileges_what_everybody_may_know_is_told_and_the_rest_is_hidden(replication, pair) -> None:
    seen = await replication(pair.on_primary)
    assert (seen.replica_count, seen.replicas, seen.read_only) == (1, (), "")
    assert seen.hidden == {HiddenReplication.REPLICAS: "PROCESS"}
    assert await replication(pair.on_replica) == Replication(
        hidden={HiddenReplication.LAG: WORDS.shows}, read_only="read_only"
    )


async def test_with_them_the_lag_of_a_replica_and_who_follows_a_primary_are_told(replication, pair, grants) -> None:
    await grants(WORDS.shows, "PROCESS")
    on_primary = await replication(pair.on_primary)

    async def up_to_date() -> Replication | None:
        seen = await replication(pair.on_replica)
        return seen if any(primary.seconds == 0 for primary in seen.primaries) else None

    on_replica = await eventually(up_to_date, seconds=20)
    assert on_primary == Replication(replicas=(Replica("127.0.0.1", sent=True),), replica_count=1)
    assert on_replica.primaries == (Primary(f"127.0.0.1:{pair.primary.port}", 0),)
    assert on_replica.hidden == {}


async def test_a_replica_that_applies_slowly_says_how_far_it_is_behind(replication, pair, grants) -> None:
    await grants(WORDS.shows)
    await pair.primary.query("CREATE TABLE t (a INT)", database=ACCOUNT)
    await eventually(pair.caught_up, seconds=120)
    async with pair.replica.lock_table(ACCOUNT, "t"):  # as a long report on the replica does
        await pair.primary.query("ALTER TABLE t ADD b INT", database=ACCOUNT)

        async def behind() -> int:
            (primary,) = (await replication(pair.on_replica)).primaries
            return primary.seconds or 0

        assert await eventually(behind, seconds=120) > 0
    await eventually(pair.caught_up, seconds=120)


async def test_a_replica_that_stopped_is_told_with_its_reason_and_has_no_lag(replication, pair, grants) -> None:
    await grants(WORDS.shows)
    await pair.primary.query("CREATE TABLE numbers (a INT PRIMARY KEY)", database=ACCOUNT)
    await eventually(pair.caught_up, seconds=120)
    await pair.replica.query("INSERT INTO numbers VALUES (1)", database=ACCOUNT)
    try:
        await pair.primary.query("INSERT INTO numbers VALUES (1)", database=ACCOUNT)

        async def trouble() -> str:
            (primary,) = (await replication(pair.on_replica)).primaries
            assert not primary.trouble or primary.seconds is None
            return primary.trouble

        assert WORDS.duplicate in await eventually(trouble, seconds=120)
    finally:
        await pair.replica.query("DELETE FROM numbers", database=ACCOUNT)
        await pair.replica.query(f"START {WORDS.noun}")
        await eventually(pair.caught_up, seconds=120)


READ_ONLY = {
    # (settings of the server, privilege of the account, the setting that refuses its writes)
    "MariaDB": [
        ({"read_only": 1}, None, "read_only"),
        ({"read_only": 1}, "READ ONLY ADMIN", ""),
        ({"read_only": 1}, "SUPER", "read_only"),
        ({"tx_read_only": 1}, "READ ONLY ADMIN", "tx_read_only"),
        ({}, None, ""),
    ],
    "MySQL": [
        ({"read_only": 1}, None, "read_only"),
        ({"read_only": 1}, "CONNECTION_ADMIN", ""),
        ({"read_only": 1}, "SUPER", ""),
        ({"super_read_only": 1}, "CONNECTION_ADMIN", "super_read_only"),
        ({"transaction_read_only": 1}, "CONNECTION_ADMIN", "transaction_read_only"),
        ({}, None, ""),
    ],
}[PROGRAMS.vendor]


@pytest.mark.parametrize(("settings", "privilege", "refused"), READ_ONLY, ids=str)
async def test_a_server_that_refuses_writes_says_so_just_as_it_does_to_the_account(
    settings: dict[str, int], privilege: str | None, refused: str,
    replication, pair: Pair, grants,
) -> None:  # fmt: skip
    if privilege is not None:
        await grants(privilege)
    off = dict.fromkeys(("read_only", *settings), 0)
    try:
        for name, value in (off | settings).items():
            await pair.replica.query(f"SET GLOBAL {name} = {value}")
        assert (await replication(pair.on_replica)).read_only == refused
        async with session_of(pair.on_replica) as cursor:
            with pytest.raises(aiomysql.Error) if refused else contextlib.nullcontext():
                await cursor.execute("CREATE TABLE countersign_asks (a INT)")
                await cursor.execute("DROP TABLE countersign_asks")
    finally:
        for name in off:
            await pair.replica.query(f"SET GLOBAL {name} = 0")
        await pair.replica.query("SET GLOBAL read_only = 1")


@on_mariadb("what everybody may know of replication")
async def test_one_that_is_stopped_by_hand_may_be_a_primary_by_now_as_far_as_can_be_seen(replication, pair) -> None:
    await pair.replica.query(f"STOP {WORDS.noun}")
    try:
        assert (await replication(pair.on_replica)).hidden == {HiddenReplication.PRIMARY: WORDS.shows}
    finally:
        await pair.replica.query(f"START {WORDS.noun}")
        await eventually(pair.caught_up, seconds=120)


async def test_a_server_that_does_not_know_the_questions_is_read_all_the_same(
    replication, database: DemoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.databases.server.replication._COUNTS", "SHOW NO SUCH THING")
    monkeypatch.setattr("bot.databases.server.replication._SETTINGS", "SHOW NO SUCH THING")
    monkeypatch.setattr("bot.databases.server.replication._FOLLOWS", dict.fromkeys(Flavour, ("SHOW NO SUCH THING",)))
    assert await replication(database) == Replication(
        replica_count=None, hidden={HiddenReplication.PRIMARY: WORDS.shows, HiddenReplication.REPLICAS: "PROCESS"}
    )


WAITING = {"Replica_IO_Running": "Yes", "Replica_SQL_Running": "Yes", "Source_Host": "db1", "Source_Port": 3306}


@pytest.mark.parametrize(
    ("told", "primary"),
    [
        (WAITING | {"Seconds_Behind_Source": 7}, Primary("db1:3306", 7)),
        (WAITING | {"Seconds_Behind_Source": None}, Primary("db1:3306", None)),
        (
            WAITING | {"Replica_IO_Running": "Connecting", "Last_IO_Error": "no\nway", "Seconds_Behind_Source": 0},
            Primary("db1:3306", None, "no way"),
        ),
        (
            {"Slave_IO_Running": "Yes", "Slave_SQL_Running": "No", "Master_Host": "db1", "Master_Port": 3307},
            Primary("db1:3307", None, "applying: No"),
        ),
        ({}, Primary("?:?", None, "applying: unknown")),
    ],
)
def test_the_words_of_each_version_are_read(told: dict[str, object], primary: Primary) -> None:
    assert primaries_of([told]) == (primary,)


@pytest.mark.parametrize(
    ("state", "sent"),
    [
        ("Master has sent all binlog to slave; waiting for more updates", True),
        ("Source has sent all binlog to replica; waiting for more updates", True),
        ("Sending binlog event to slave", False),
        ("", None),
    ],
)
def test_a_session_of_a_replica_tells_whether_it_was_sent_everything(state: str, sent: bool | None) -> None:
    assert replicas_of([("10.0.0.7:41200", state), ("socket", state)]) == (
        Replica("10.0.0.7", sent),
        Replica("socket", sent),
    )
