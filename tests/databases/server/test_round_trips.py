"""How often a look waits for a server, counted in packets of the protocol: on a distant one that is what it costs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bot.databases.server.connector import Connector
from bot.databases.server.facts import DatabaseLook
from bot.databases.server.idle_sessions import IdleSessions
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.errors import RefusedError
from bot.domain.targets.target import Target
from bot.domain.targets.tls import Tls, TlsMode
from tests.databases.server.test_facts import LARAVEL_TABLE
from tests.databases.support.local import StraightTunnels
from tests.support.polling import eventually
from tests.support.vendors import PROGRAMS

SET_UP = 2
"""What a session asks before the questions; how a server and its client agree on a login is theirs."""
WHOLE = {"MariaDB": 3, "MySQL": 4}[PROGRAMS.vendor]
"""The client library reads the warning that MySQL gives where the list of sessions is the deprecated one."""


@dataclass
class Turns:
    """A connection's turns: how often the client asked after the server had spoken."""

    count: int = 0
    server_spoke: bool = True


class CountingProxy:
    """Passes connections on to a server, and counts turns.

    Args:
        host: of the server.
        port: there.
    """

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self.turns: list[Turns] = []
        self.writers: list[asyncio.StreamWriter] = []

    def cut(self) -> None:
        """Cut the connections that are open."""
        for writer in self.writers:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        turns = Turns()
        self.turns.append(turns)
        self.writers.append(writer)
        server_reader, server_writer = await asyncio.open_connection(*self._to)

        def client_spoke(data: bytes) -> None:
            # A command begins a sequence of packets; the login goes on with the one of the greeting.
            asks = data[3:4] == b"\x00" and data[4:5] != b"\x01"
            turns.count += turns.server_spoke and asks
            turns.server_spoke = False

        def server_spoke(_: bytes) -> None:
            turns.server_spoke = True

        await asyncio.gather(
            _pass_on(reader, server_writer, client_spoke), _pass_on(server_reader, writer, server_spoke)
        )


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Callable[[bytes], None]) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            seen(data)
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture
async def proxy(database: DemoDatabase) -> AsyncIterator[tuple[CountingProxy, int]]:
    counting = CountingProxy(database.host, database.port)
    server = await asyncio.start_server(counting.serve, "127.0.0.1", 0)
    async with server:
        yield counting, server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("look", "questions"),
    [
        pytest.param(lambda look, target: look.applied(target, "migrations"), 1, id="names"),
        pytest.param(lambda look, target: look.schema(target), 1, id="schema"),
        pytest.param(lambda look, target: look.database(target, "migrations"), WHOLE, id="whole"),
    ],
)
async def test_a_look_waits_once_for_each_question(
    look: Callable[[DatabaseLook, Target], Awaitable[Any]],
    questions: int,
    proxy: tuple[CountingProxy, int],
    target: Target,
    connections: Connector,
    mariadb: DatabaseServer,
    database: DemoDatabase,
) -> None:
    await mariadb.query(f"CREATE TABLE migrations {LARAVEL_TABLE}", database=database.name)
    counting, port = proxy
    await look(DatabaseLook(connections), through(target, port))
    assert [turns.count for turns in counting.turns] == [SET_UP + questions]


def through(target: Target, port: int) -> Target:
    """The target with its database behind another port."""
    assert target.database is not None
    return replace(target, database=replace(target.database, host="127.0.0.1", port=port, tls=Tls(TlsMode.OFF)))


async def test_the_next_look_takes_the_session_of_the_one_before_where_it_still_answers(
    proxy: tuple[CountingProxy, int], target: Target
) -> None:
    counting, port = proxy
    async with IdleSessions() as idle:
        connector, far = Connector(StraightTunnels().open, idle=idle), through(target, port)
        look = DatabaseLook(connector)
        await look.schema(far)
        await look.schema(far)
        assert [turns.count for turns in counting.turns] == [SET_UP + 1 + 1], "the question alone"
        await asyncio.gather(look.schema(far), look.schema(far))
        assert len(counting.turns) == 2, "two at the same time have one each"
        counting.cut()
        await look.schema(far)
        assert len(counting.turns) == 3
        with pytest.raises(RefusedError):
            async with connector.reading(far) as session:
                await session.rows("this is no statement")
        await look.schema(far)
        assert len(counting.turns) == 4, "nobody knows how a failure leaves a session"
    await eventually(lambda: all(writer.is_closing() for writer in counting.writers))


async def test_a_session_that_nobody_uses_is_closed(proxy: tuple[CountingProxy, int], target: Target) -> None:
    counting, port = proxy
    async with IdleSessions(seconds=0.05) as idle:
        look = DatabaseLook(Connector(StraightTunnels().open, idle=idle))
        await look.schema(through(target, port))
        await eventually(lambda: counting.writers[0].is_closing())
