"""`layout: releases` through the whole bot: a deploy without maintenance, and the way back by the link."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bot.demo.application.application import Application
from bot.demo.application.git import git
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from bot.demo.host.web import WebServer
from bot.domain.targets.layout import names_in
from tests.acceptance.conftest import NewSystem
from tests.acceptance.faults.test_crashes import MORTAL, Lives
from tests.acceptance.support.outside import changes
from tests.acceptance.support.system import DBA, RELEASER, System
from tests.acceptance.test_decision_card import POLICY as DECIDING
from tests.acceptance.test_decision_card import broken_halfway, new_columns
from tests.acceptance.test_way_back import POLICY
from tests.support.laravel_oddities import write
from tests.support.releases import front_of, releases_of

_LOGIN = "resources/views/login.blade.php"
_NAMES_ITSELF = '<meta name="release" content="{{ basename(base_path()) }}">\n'


async def _pushed(laravel: Application, files: dict[str, str]) -> str:
    write(laravel.author, files)
    await git(laravel.author, "add", "--all")
    await git(laravel.author, "commit", "--quiet", "-m", "the next one")
    await git(laravel.author, "push", "--quiet", str(laravel.origin), "HEAD:main")
    return await laravel.tip()


@dataclass
class Answers:
    """What requests were answered, one after the other, each on a connection of its own."""

    statuses: Counter[int] = field(default_factory=Counter)
    releases: list[str] = field(default_factory=list)

    async def collect(self, url: str) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.get(url, headers={"Connection": "close"}) as response:
                    named = sorted(names_in(await response.text()))
                self.statuses[response.status] += 1
                self.releases += [name for name in [" ".join(named)] if [name] != self.releases[-1:]]


@asynccontextmanager
async def asked_all_the_time(url: str) -> AsyncIterator[Answers]:
    """Request a page as long as the block runs; a request that fails fails the block."""
    answers = Answers()
    asking = asyncio.create_task(answers.collect(url))
    yield answers
    assert not asking.done(), asking.exception()
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking


def _plan(system: System, run: str) -> str:
    return json.dumps(system.messages("plan", run)[-1]["blocks"], ensure_ascii=False)


async def test_releases_go_live_and_back_without_a_second_of_maintenance(
    new_system: NewSystem, laravel: Application, mariadb: DatabaseServer, ssh_host: DemoHost
) -> None:
    root = await releases_of(laravel)
    first = (root / "current").readlink().name
    sha = await _pushed(laravel, {_LOGIN: _NAMES_ITSELF + (laravel.author / _LOGIN).read_text()})
    async with WebServer(front_of(root), laravel.folder / "front.log") as web:
        system = await new_system(policy=POLICY, scratch=True, root=root, health_url=web.health_url)
        await system.bot.start()
        run = await system.ask()
        request = await system.gate(run)
        assert "only add" in _plan(system, run)
        assert (root / "current").readlink().name == first
        async with asked_all_the_time(web.health_url) as answers:
            system.react(request)
            assert await system.end(run) == "succeeded"
        second = (root / "current").readlink().name
        assert second.endswith(sha[:7])
        assert "token_id" in await mariadb.columns(laravel.database.name, "user_sessions")
        assert not ssh_host.commands.ran("php artisan down", root)
        assert system.steps(run)["maintenance-on"] == "skipped"
        order = [*system.steps(run)]
        assert order.index("migrate") < order.index("switch")
        _, log = await system.bot.console("runs", "log", run)
        assert f"by the release {second}" in log
        assert second in system.result(run)
        assert f"Live release: {second}" in await system.migrate_status()

        assert set(answers.statuses) == {200}
        # The first release names nothing yet: there is one moment from which on every answer is the new one's.
        assert answers.releases == ["", second]

        back = await system.ask("/rollback compte production")
        request = await system.gate(back)
        async with asked_all_the_time(web.health_url) as answers:
            system.react(request)
            assert await system.end(back) == "succeeded"
        assert set(answers.statuses) == {200}
        assert answers.releases == [second, ""]
        assert (root / "current").readlink().name == first
        assert "token_id" in await mariadb.columns(laravel.database.name, "user_sessions")
        assert not {"migrate-down", "release", "composer"} & {*system.steps(back)}
        assert not ssh_host.commands.ran("php artisan down", root)


async def test_a_policy_that_refuses_downtime_stops_a_deploy_that_needs_it(
    new_system: NewSystem, laravel_at_first: Application, web: WebServer
) -> None:
    laravel = laravel_at_first
    root = await releases_of(laravel)
    rename = "<?php\nreturn new class extends Illuminate\\Database\\Migrations\\Migration {\n    public function up()\n"
    rename += "    {\n        DB::statement('alter table users change fax telefax varchar(255) null');\n    }\n};\n"
    await _pushed(laravel, {"database/migrations/2026_01_01_000000_rename_fax.php": rename})
    system = await new_system(policy={**POLICY, "downtime": "refused"}, scratch=True, root=root)
    await system.bot.start()
    run = await system.ask()
    assert await system.end(run) == "failed"
    assert "the policy says `downtime: refused`" in system.result(run)


async def test_the_bot_may_be_killed_while_a_release_is_made_and_goes_live(
    new_system: NewSystem, laravel: Application, mariadb: DatabaseServer, ssh_host: DemoHost, tmp_path: Path
) -> None:
    root = await releases_of(laravel)
    lock = json.loads((laravel.author / "composer.lock").read_text())
    await _pushed(laravel, {"composer.lock": json.dumps(lock | {"content-hash": "another"})})
    ssh_host.commands.forget()
    first = (root / "current").readlink().name
    deadly = {
        "after ssh sent [release running]",
        "before commit step release done",
        "before commit step download done",
        "before commit step as-approved done",
        "before commit step switch running begun",
        "before commit step switch done",
        "before commit step prune done",
    }
    lives = Lives(await new_system(module=MORTAL, root=root), tmp_path / "passed", deadly)
    assert await lives.play() == "succeeded"
    seen = {f"before commit step {key} done" for key in ("release", "download", "switch")}
    assert seen <= set(lives.died_at), lives.died_at
    begun = changes(ssh_host)
    # Unpacked without scripts first, then set up.
    assert begun.pop("composer install") == 2
    assert set(begun.values()) == {1}, begun
    assert await git(root / "current", "rev-parse", "HEAD") == await laravel.tip()
    live = (root / "current").readlink().name
    assert {folder.name for folder in (root / "releases").iterdir()} == {first, live}
    assert "token_id" in await mariadb.columns(laravel.database.name, "user_sessions")
    assert not laravel.is_down


async def test_a_migration_that_breaks_behind_the_switch_is_taken_back_with_its_release(
    new_system: NewSystem, laravel_at_first: Application, mariadb: DatabaseServer
) -> None:
    root = await releases_of(laravel_at_first)
    first, down = (root / "current").readlink().name, root / "shared/storage/framework/down"
    system = await new_system(policy=DECIDING, scratch=True, root=root)
    await system.bot.start()
    run = await broken_halfway(system, laravel_at_first, mariadb)
    assert "Down for the migrations" in _plan(system, run)
    assert (root / "current").readlink().name != first
    assert down.exists()
    after = await system.decide(run, "run_restore")
    request = await system.gate(after)
    for user in (RELEASER, DBA):
        system.react(request, user)
    assert await system.end(after) == "succeeded"
    assert (root / "current").readlink().name == first
    assert not down.exists()
    assert await new_columns(laravel_at_first, mariadb) == set()
