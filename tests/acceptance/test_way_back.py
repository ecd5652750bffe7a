"""`/migrate-status` and `/rollback` on the real application."""

import asyncio
from typing import Any

from bot.demo.application.application import Application
from bot.demo.application.commits import CommitKind
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.system import ENGINEER, ONCALL, RELEASER, System
from tests.support import eventually
from tests.support.operations import PRODUCTION


async def deployed(system: System) -> str:
    await system.type("/deploy compte production")
    run = (await system.runs(1))[-1]
    system.react(await system.gate(run))
    assert await system.end(run) == "succeeded"
    return run


async def columns(mariadb: DatabaseServer, laravel: Application) -> dict[str, Any]:
    return await mariadb.columns(laravel.database.name, "user_sessions")


POLICY = {**PRODUCTION, "run": {**PRODUCTION["run"], "rollback": ["engineers"]}}


async def test_status_then_deploy_then_back_with_the_schema(
    new_system: NewSystem, laravel: Application, mariadb: DatabaseServer, ssh_host: DemoHost
) -> None:
    system = await new_system(policy=POLICY, scratch=True)
    await system.bot.start()
    first = await laravel.head()

    assert "up to date" in await system.answer("/migrate-status compte production", ONCALL)
    assert system.messages("card") == []

    applied_by = await deployed(system)
    assert "token_id" in await columns(mariadb, laravel)
    shown = await system.migrate_status()
    assert f"`{applied_by}`" in shown
    assert "Last batch (2)" in shown
    assert "Last backup: `B-" in shown
    assert "free for the database" in shown or "free on web1" in shown

    await mariadb.query("UPDATE user_sessions SET token_id = 'abc' LIMIT 1", database=laravel.database.name)
    await system.type("/rollback compte production")
    run = (await system.runs(2))[-1]
    request = await system.gate(run)
    assert system.payload("plan", run)["sha"] == first
    plan = str(system.messages("plan", run)[-1]["blocks"])
    assert "`user_sessions.token_id` is dropped: 1 rows have a value" in plan
    assert "and 1 migration undone" in plan
    # what undoing does was tried on a copy, with the code that is live
    assert "rehearsed in the sandbox on a copy: 1 migration" in plan
    assert "alter table `user_sessions` drop `token_id`" in plan
    assert not laravel.is_down
    system.react(request)
    assert await system.end(run) == "succeeded"
    assert await laravel.head() == first
    assert "token_id" not in await columns(mariadb, laravel)
    assert not laravel.is_down
    assert len(ssh_host.commands.ran("php artisan migrate:rollback", laravel.path)) == 1

    assert "1 migration is pending on" in await system.answer("/migrate-status compte production", ONCALL)


async def test_what_a_deploy_destroyed_comes_back_from_its_backup(
    new_system: NewSystem, laravel_at_first: Application, mariadb: DatabaseServer
) -> None:
    laravel = laravel_at_first
    policy = {**POLICY, "run": {**POLICY["run"], "restore": ["releasers"]}}
    system = await new_system(policy=policy, scratch=True)
    await system.bot.start()
    first = await laravel.head()
    count = "SELECT COUNT(fax) AS n FROM users"
    [before] = await mariadb.query(count, database=laravel.database.name)
    await laravel.next_commit(CommitKind.DESTRUCTIVE)
    run = await system.ask()
    request = await system.gate(run)
    system.react(request)
    system.react(request, ONCALL)
    assert await system.end(run) == "succeeded"
    assert "fax" not in await mariadb.columns(laravel.database.name, "users")

    # an engineer may roll back here, and may not restore
    refused = await system.ask("/rollback compte production")
    assert await system.end(refused) == "failed"
    assert "You can't restore here" in system.result(refused)

    back = await system.ask("/rollback compte production", RELEASER)
    request = await system.gate(back)
    plan = str(system.messages("plan", back)[-1]["blocks"])
    assert "Back to the previous code and to a backup" in plan
    assert "users.fax" in plan
    assert system.payload("approval", back)["needed"] == 2
    system.react(request, ONCALL)
    system.react(request, "U0DBA")
    assert await system.end(back) == "succeeded"
    assert await laravel.head() == first
    assert await mariadb.query(count, database=laravel.database.name) == [before]
    assert not laravel.is_down


async def test_going_back_without_a_release_is_answered(system: System, laravel: Application) -> None:
    await system.type("/rollback compte production", RELEASER)
    [run] = await system.runs(1)
    assert await system.end(run) == "failed"
    assert "No good release" in str(system.messages("result", run)[-1]["blocks"])


async def test_twenty_people_ask_at_once_and_each_is_answered(system: System, laravel: Application) -> None:
    people = (ONCALL, RELEASER, ENGINEER, "U0DBA")
    await asyncio.gather(*(system.type("/migrate-status compte production", people[n % 4]) for n in range(20)))

    def answers() -> list[str]:
        return [text for user in people for text in system.ephemerals(user)]

    # Each stands in the place of its acknowledgement.
    await eventually(lambda: sum("up to date" in answer for answer in answers()) >= 20, 60)
    assert len(answers()) == 20
    assert system.messages("card") == []
