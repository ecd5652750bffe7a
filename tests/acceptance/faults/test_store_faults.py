"""The store of one of two replicas hangs: the other does everything, and nothing is done that Slack called failed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.demo.host.tcp_proxy import TcpProxy
from bot.playground.events.sockets import Outcome
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.system import CHANNEL, ENGINEER, Bot, System
from tests.support.polling import eventually


def answered(system: System) -> list[str]:
    return [text for text in system.ephemerals(ENGINEER) if "Nothing in progress" in text]


@pytest.fixture
async def stored(mariadb: DatabaseServer) -> AsyncIterator[DemoDatabase]:
    made = await mariadb.create("countersign_hangs")
    yield made
    await mariadb.drop(made)


def url(made: DemoDatabase, port: int) -> str:
    return f"mysql+aiomysql://{made.user}:{made.password}@{made.host}:{port}/{made.name}"


async def readiness(port: int) -> tuple[int, str]:
    address = f"http://127.0.0.1:{port}/readyz"
    async with asyncio.timeout(1), aiohttp.ClientSession() as session, session.get(address) as answer:
        return answer.status, await answer.text()


def refused(system: System) -> list[str]:
    return [text for text in system.ephemerals(ENGINEER) if "could not accept" in text]


async def test_a_replica_whose_store_hangs_leaves_slack_to_the_other_and_comes_back(
    new_system: NewSystem,
    laravel: Application,
    stored: DemoDatabase,
    new_wire: Callable[[int], Awaitable[TcpProxy]],
    free_port: int,
    tmp_path: Path,
) -> None:
    wire = await new_wire(stored.port)
    system = await new_system(application=laravel, extra={"STORE_URL": url(stored, wire.port)})
    environment = {**system.bot.environment, "HTTP_ADDR": f"127.0.0.1:{free_port}"}
    hanging, other = Bot(tmp_path, environment), system.bot
    other.environment = {**other.environment, "STORE_URL": url(stored, stored.port)}
    await other.start()
    await hanging.start()
    sockets, actions = system.playground.sockets, system.playground.client_actions
    try:
        assert await readiness(free_port) == (200, "ready\n")
        wire.freeze()
        # Slack gives each to any connection.
        typed = await asyncio.gather(*(actions.command(ENGINEER, CHANNEL, "/ops status") for _ in range(16)))
        failed = [each for each in typed if each.outcome is Outcome.TIMED_OUT]
        assert 0 < len(failed) < len(typed)
        await eventually(lambda: len(refused(system)) == len(failed))

        await eventually(lambda: sockets.count == 2, 20, what="it leaves Slack to the other one")
        assert await readiness(free_port) == (503, "the store does not answer\n")
        assert await system.answer("/ops status")

        await wire.heal()
        await eventually(lambda: sockets.count == 4, 40, what="it comes back")
        for _ in range(2):
            assert await system.answer("/ops status")
        assert len(refused(system)) == len(failed)
        assert len(answered(system)) == len(typed) - len(failed) + 1 + 2, "none that failed is done afterwards"
        assert [
            line for line in hanging.lines if "[error" in line and "store_" not in line and "acknowl" not in line
        ] == []
        assert sum("store_" in line for line in hanging.lines) == 2, "\n".join(hanging.lines)
        assert not [line for line in hanging.lines if "Traceback" in line]
    finally:
        await hanging.kill()
