"""A hostile branch with Alembic or Django: before approval it has reached nothing and told nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.demo.host.host import DemoHost
from bot.playground import Playground
from tests.acceptance.support.system import Bot, System, environment, workspace
from tests.attacks.support.canaries import Canaries, approvers_were_told, canaries, deploy_until_asked
from tests.attacks.support.hostile_python import push_hostile_python
from tests.attacks.test_hostile_branch import policy
from tests.support import OPS_PASSWORD, operations, write_operations
from tests.support.stacks import ALEMBIC_LIVE, DJANGO_LIVE, Stack

STACKS = {
    "alembic": (ALEMBIC_LIVE, ("-m", "alembic", "upgrade", "heads")),
    "django": (DJANGO_LIVE, ("manage.py", "migrate")),
}


@dataclass
class Attack:
    """An application of a recipe with its canaries, and who starts a bot whose target it is."""

    app: Stack
    around: Canaries
    start: Callable[[str], Awaitable[System]]


@pytest.fixture(params=STACKS)
def recipe(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def attack(
    tmp_path: Path, ssh_host: DemoHost, database: DemoDatabase, mariadb: DatabaseServer, recipe: str
) -> AsyncIterator[Attack]:
    live, migrate = STACKS[recipe]
    folder = tmp_path / "app"
    folder.mkdir()
    app = await Stack.create(folder, database, live)
    await app.tool(*migrate)
    # What the live code's own start would write beside itself is there.
    await app.tool("-m", "compileall", "-q", ".")
    await mariadb.query(
        "CREATE TABLE users (id INT PRIMARY KEY, email VARCHAR(200), name VARCHAR(200))", database=database.name
    )
    await mariadb.query("INSERT INTO users VALUES (1, 'a', 'a'), (2, 'b', 'b')", database=database.name)
    async with AsyncExitStack() as stack:
        around = await stack.enter_async_context(
            canaries(app, mariadb, tmp_path / "canaries")  # type: ignore[arg-type]  # it has what is asked for
        )

        async def start(rehearsal: str) -> System:
            content = operations(ssh_host, app, policy=policy(rehearsal), services=())  # type: ignore[arg-type]  # likewise
            content["apps"]["compte"]["recipe"] = recipe
            content["apps"]["compte"]["environments"]["production"]["vars"] = {}
            ops_file = write_operations(tmp_path, content)
            playground = await stack.enter_async_context(Playground(workspace()).serve())
            bot = Bot(tmp_path, {**environment(playground.api_url, ops_file), OPS_PASSWORD: database.password})
            stack.push_async_callback(bot.kill)
            system = System(playground, bot)
            stack.callback(system.print_conversation)
            await bot.start()
            return system

        yield Attack(app, around, start)


@pytest.mark.parametrize(
    ("rehearsal", "branch", "fails"),
    [("sandbox", "main", False), ("sandbox", "evil", True), ("never", "main", False), ("trusted", "evil", False)],
)
async def test_before_approval_it_reaches_nothing_and_tells_nothing(
    attack: Attack, recipe: str, rehearsal: str, branch: str, *, fails: bool
) -> None:
    await push_hostile_python(recipe, attack.app, attack.around, branch, fails=fails, listed=rehearsal != "never")
    system = await attack.start(rehearsal)
    state = await deploy_until_asked(system, attack.around, branch)
    if state == "awaiting_approval":
        assert approvers_were_told(system) == (rehearsal == "sandbox")
    else:
        assert state == "failed"
        # Its own code cannot say what it has without a database, or is not run at all.
        assert (recipe, rehearsal) == ("alembic", "never") or rehearsal == "trusted"


async def test_a_link_in_place_of_the_environment_s_packages_is_found_in_the_way(attack: Attack, recipe: str) -> None:
    await push_hostile_python(recipe, attack.app, attack.around, "main", fails=False, listed=True, links=(".venv",))
    system = await attack.start("sandbox")
    assert await deploy_until_asked(system, attack.around, "main") == "failed"
    run = system.payload("card")["run"]
    assert await system.end(run) == "failed"
    assert "git does not track them" in system.result(run)
    assert ".venv" in system.result(run)
