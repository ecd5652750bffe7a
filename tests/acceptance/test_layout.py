"""`/deploy APP ENV --layout` through the whole bot: a checkout becomes releases, countersigned; then a deploy."""

import json

from bot.demo.application.application import Application
from bot.demo.application.git import git
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.outside import changes
from tests.acceptance.test_way_back import POLICY


async def test_a_checkout_becomes_releases_in_a_run_of_its_own(
    new_system: NewSystem, laravel: Application, mariadb: DatabaseServer, ssh_host: DemoHost
) -> None:
    root, ask = laravel.path, "/deploy compte production --layout"
    before = await git(root, "rev-parse", "HEAD")
    system = await new_system(policy=POLICY, scratch=True, root=root)
    await system.bot.start()
    too_soon = await system.ask()
    assert await system.end(too_soon) == "failed"
    assert "--layout" in system.result(too_soon)

    run = await system.ask(ask)
    request = await system.gate(run)
    plan = json.dumps(system.messages("plan", run)[-1]["blocks"], ensure_ascii=False)
    assert f"{root}/current/public" in plan
    assert not (root / "current").exists()
    assert not (root / "releases").exists()
    system.react(request)
    assert await system.end(run) == "succeeded"
    assert await git(root / "current", "rev-parse", "HEAD") == before
    assert (root / "public").resolve() == (root / "current/public").resolve()
    assert not {"php artisan migrate", "php artisan down"} & {*changes(ssh_host)}

    again = await system.ask(ask)
    assert await system.end(again) == "succeeded"
    deploy = await system.ask()
    system.react(await system.gate(deploy))
    assert await system.end(deploy) == "succeeded"
    assert await git(root / "current", "rev-parse", "HEAD") == await laravel.tip()
    assert "token_id" in await mariadb.columns(laravel.database.name, "user_sessions")
