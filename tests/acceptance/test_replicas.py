"""Two replicas of the bot on one server: each thing is done once, and the one that is left goes on alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.system import Bot, System


@pytest.fixture
async def store_url(mariadb: DatabaseServer) -> AsyncIterator[str]:
    made = await mariadb.create("countersign_shared")
    yield f"mysql+aiomysql://{made.user}:{made.password}@{made.host}:{made.port}/{made.name}"
    await mariadb.drop(made)


def asked(store_url: str, query: str) -> Any:
    engine = create_engine(store_url.replace("+aiomysql", "+pymysql"))
    with engine.begin() as connection:
        found = connection.execute(text(query)).scalar_one()
    engine.dispose()
    return found


def kinds(system: System, run: str) -> Counter[str]:
    return Counter(message["metadata"]["event_type"] for message in system.messages("", run))


async def test_two_replicas_do_each_thing_once_and_one_goes_on_alone(
    new_system: NewSystem, laravel: Application, store_url: str
) -> None:
    system = await new_system(application=laravel, extra={"STORE_URL": store_url})
    other = Bot(system.bot.folder, system.bot.environment)
    await system.bot.start()
    await other.start()
    bots = {bot.process.pid: bot for bot in (system.bot, other) if bot.process is not None}
    try:
        run = await system.ask()
        await system.gate(run)
        before = len(system.ephemerals("U0AMELIE"))
        for _ in range(4):
            await system.answer("/ops status")
        assert len(system.ephemerals("U0AMELIE")) == before + 4

        telling = str(asked(store_url, "SELECT owner FROM duties WHERE name = 'tell Slack'"))
        teller = bots.pop(int(telling.split(":")[1]))
        [left] = bots.values()
        await teller.kill()

        assert await system.approved(run) == "succeeded"
        assert await system.answer("/ops status")
        assert kinds(system, run) == Counter(
            f"countersign_{kind}" for kind in ("run", "plan", "approval", "progress", "result")
        )
        assert asked(store_url, "SELECT COUNT(*) FROM runs") == 1
        assert asked(store_url, "SELECT COUNT(*) FROM history WHERE event = 'requested'") == 1
        status, printed = await left.console("audit", "verify")
        assert (status, bool(re.match(r"the history holds: \d+ records", printed))) == (0, True), printed
        assert await left.stop() == 0
    finally:
        await other.kill()
