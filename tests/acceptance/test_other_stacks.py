"""Alembic and Django, by their real tools: deploy with pending migrations, status, and back, through the real bot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.demo.host.host import DemoHost
from bot.playground import Playground
from tests.acceptance.support.system import ONCALL, Bot, System, environment, workspace
from tests.support import OPS_PASSWORD, eventually, operations, write_operations
from tests.support.operations import PRODUCTION
from tests.support.stacks import ALEMBIC_LIVE, ALEMBIC_NEXT, DJANGO_LIVE, DJANGO_NEXT, Stack

POLICY = {
    **PRODUCTION,
    "run": {**PRODUCTION["run"], "rollback": ["engineers"]},
    # Their migrations are not rehearsed, which would need the approvals of a destructive migration.
    "approve": {key: gate for key, gate in PRODUCTION["approve"].items() if key != "destructive-migration"},
}


@dataclass(frozen=True)
class Kind:
    """A stack, and what is expected of it."""

    recipe: str
    live: Mapping[str, str]
    next: Mapping[str, str]
    migrate: tuple[str, ...]
    pending: list[str]


ALEMBIC = Kind(
    "alembic",
    ALEMBIC_LIVE,
    ALEMBIC_NEXT,
    ("-m", "alembic", "upgrade", "heads"),
    ["27c0 add token_id", "0b91 index token_id"],
)
DJANGO = Kind(
    "django",
    DJANGO_LIVE,
    DJANGO_NEXT,
    ("manage.py", "migrate"),
    ["accounts.0002_account_token_id", "accounts.0003_fill"],
)


@dataclass(frozen=True)
class StackScene:
    """A system, and the application on it."""

    system: System
    app: Stack
    columns: Callable[[], Any]


@pytest.fixture(params=["sandbox"])
def rehearsal(request: pytest.FixtureRequest) -> str:
    """The policy's mode."""
    mode: str = request.param
    return mode


@pytest.fixture
async def scene(
    request: pytest.FixtureRequest,
    rehearsal: str,
    tmp_path: Path,
    ssh_host: DemoHost,
    database: DemoDatabase,
    mariadb: DatabaseServer,
) -> AsyncIterator[StackScene]:
    kind: Kind = request.param
    folder = tmp_path / "app"
    folder.mkdir()
    app = await Stack.create(folder, database, kind.live)
    await app.tool(*kind.migrate)
    policy = {**POLICY, "rehearsal": rehearsal}
    content = operations(ssh_host, app, policy=policy, services=())  # type: ignore[arg-type]  # has what is asked for
    content["apps"]["compte"]["recipe"] = kind.recipe
    content["apps"]["compte"]["environments"]["production"]["vars"] = {"maintenance": "if-migrations"}
    ops_file = write_operations(tmp_path, content)
    async with AsyncExitStack() as stack:
        playground = await stack.enter_async_context(Playground(workspace()).serve())
        secrets = {OPS_PASSWORD: database.password}
        bot = Bot(tmp_path, {**environment(playground.api_url, ops_file), **secrets})
        stack.push_async_callback(bot.kill)
        system = System(playground, bot)
        stack.callback(system.print_conversation)
        await bot.start()

        async def columns() -> list[str]:
            return list(await mariadb.columns(database.name, "accounts"))

        yield StackScene(system, app, columns)


async def status(scene: StackScene) -> str:
    before = len(scene.system.ephemerals(ONCALL))
    await scene.system.type("/migrate-status compte production", ONCALL)

    def answered() -> bool:
        told = scene.system.ephemerals(ONCALL)
        return len(told) > before and not told[-1].startswith("⏳")

    await eventually(answered, 30)
    return scene.system.ephemerals(ONCALL)[-1]


def findings(plan: Mapping[str, Any], kind: str) -> list[dict[str, str]]:
    return [finding["facts"] for finding in plan["findings"] if finding["kind"] == kind]


stacks = pytest.mark.parametrize(
    ("scene", "kind"), [(ALEMBIC, ALEMBIC), (DJANGO, DJANGO)], indirect=["scene"], ids=["alembic", "django"]
)


@stacks
@pytest.mark.parametrize("rehearsal", ["sandbox", "trusted"], indirect=True)
async def test_forward_with_its_migrations_and_back(scene: StackScene, kind: Kind, rehearsal: str) -> None:
    system, app = scene.system, scene.app
    first = await app.head()
    assert "up to date" in await status(scene)
    second = await app.commit("feat: token_id", kind.next)

    run = await system.ask("/deploy compte production")
    request = await system.gate(run)
    plan = system.payload("plan", run)
    assert (plan["sha"], plan["pending"]) == (second, kind.pending)
    assert await app.head() == first
    assert await scene.columns() == ["id", "name"]
    stored = (await system.bot.json("runs", "show", run))["plan"]
    [found] = findings(stored, "rehearsal")
    if rehearsal == "sandbox":
        assert (found["outcome"], found.get("where"), found.get("migrations")) == ("ok", "sandbox", "2"), found
        assert [each["name"] for each in findings(stored, "migration")] == kind.pending
        [back] = findings(stored, "way_back")
        assert back["state"] == "exact"
    else:
        assert (found["outcome"], found["why"], found.get("detail", "")) == ("not_possible", "recipe", "")
    statements = findings(stored, "statement")
    assert "token_id" in statements[0]["sql"]
    assert (statements[0]["operation"], statements[0]["online"]) == ("alter_table", "INSTANT")
    assert not stored["destructive"]
    system.react(request)
    assert await system.end(run) == "succeeded"
    assert await app.head() == second
    assert await scene.columns() == ["id", "name", "token_id"]

    back = await system.ask("/rollback compte production")
    request = await system.gate(back)
    assert system.payload("plan", back)["sha"] == first
    system.react(request)
    assert await system.end(back) == "succeeded"
    assert await app.head() == first
    assert await scene.columns() == ["id", "name"]
    assert "2 migrations are pending on" in await status(scene)
