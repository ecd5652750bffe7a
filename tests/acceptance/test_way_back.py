"""`/migrate-status` and `/rollback` on the real application."""

import asyncio
from typing import Any

from bot.demo.application.application import Application
from bot.demo.application.commits import Kind
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import Host
from tests.acceptance.conftest import NewStage
from tests.acceptance.support.stage import ENGINEER, ONCALL, RELEASER, Stage
from tests.support import eventually
from tests.support.operations import PRODUCTION


async def deployed(stage: Stage) -> str:
    await stage.type("/deploy compte production")
    run = (await stage.runs(1))[-1]
    stage.react(await stage.gate(run))
    assert await stage.end(run) == "succeeded"
    return run


async def columns(mariadb: DatabaseServer, laravel: Application) -> dict[str, Any]:
    return await mariadb.columns(laravel.database.name, "user_sessions")


POLICY = {**PRODUCTION, "run": {**PRODUCTION["run"], "rollback": ["engineers"]}}


async def test_status_then_deploy_then_back_with_the_schema(
    new_stage: NewStage, laravel: Application, mariadb: DatabaseServer, ssh_host: Host
) -> None:
    stage = await new_stage(policy=POLICY, scratch=True)
    await stage.bot.start()
    first = await laravel.head()

    await stage.type("/migrate-status compte production", ONCALL)
    [told] = await eventually(lambda: stage.ephemerals(ONCALL), 20)
    assert "up to date" in told
    assert stage.messages("card") == []

    applied_by = await deployed(stage)
    assert "token_id" in await columns(mariadb, laravel)
    await stage.type("/migrate-status compte production", ONCALL)
    shown = await eventually(lambda: [item["blocks"] for item in stage.snapshot()["ephemerals"]][1:], 20)
    assert f"`{applied_by}`" in str(shown[0])
    assert "Last batch (2)" in str(shown[0])
    assert "Last backup: `B-" in str(shown[0])
    assert "free for the database" in str(shown[0]) or "free on web1" in str(shown[0])

    await mariadb.query("UPDATE user_sessions SET token_id = 'abc' LIMIT 1", database=laravel.database.name)
    await stage.type("/rollback compte production")
    run = (await stage.runs(2))[-1]
    request = await stage.gate(run)
    assert stage.payload("plan", run)["sha"] == first
    plan = str(stage.messages("plan", run)[-1]["blocks"])
    assert "`user_sessions.token_id` goes: 1 rows hold" in plan
    assert "and 1 migration down" in plan
    # what undoing does was tried on a copy, with the code that is live
    assert "rehearsed on a copy: 1 migration" in plan
    assert "alter table `user_sessions` drop `token_id`" in plan
    assert not laravel.is_down
    stage.react(request)
    assert await stage.end(run) == "succeeded"
    assert await laravel.head() == first
    assert "token_id" not in await columns(mariadb, laravel)
    assert not laravel.is_down
    assert len(ssh_host.commands.ran("php artisan migrate:rollback", laravel.path)) == 1

    await stage.type("/migrate-status compte production", ONCALL)
    told = await eventually(lambda: stage.ephemerals(ONCALL)[2:], 20)
    assert "1 migration waits on" in told[0]


async def test_what_a_deploy_destroyed_comes_back_from_its_backup(
    new_stage: NewStage, laravel_at_first: Application, mariadb: DatabaseServer
) -> None:
    laravel = laravel_at_first
    policy = {**POLICY, "run": {**POLICY["run"], "restore": ["releasers"]}}
    stage = await new_stage(policy=policy, scratch=True)
    await stage.bot.start()
    first = await laravel.head()
    count = "SELECT COUNT(fax) AS n FROM users"
    [before] = await mariadb.query(count, database=laravel.database.name)
    await laravel.next_commit(Kind.DESTRUCTIVE)
    run = await stage.ask()
    request = await stage.gate(run)
    stage.react(request)
    stage.react(request, ONCALL)
    assert await stage.end(run) == "succeeded"
    assert "fax" not in await mariadb.columns(laravel.database.name, "users")

    # an engineer may roll back here, and may not restore
    refused = await stage.ask("/rollback compte production")
    assert await stage.end(refused) == "failed"
    assert "You may not restore here" in stage.result(refused)

    back = await stage.ask("/rollback compte production", RELEASER)
    request = await stage.gate(back)
    plan = str(stage.messages("plan", back)[-1]["blocks"])
    assert "Back to the code of before and to a backup" in plan
    assert "users.fax" in plan
    assert stage.payload("approval", back)["needed"] == 2
    stage.react(request, ONCALL)
    stage.react(request, "U0DBA")
    assert await stage.end(back) == "succeeded"
    assert await laravel.head() == first
    assert await mariadb.query(count, database=laravel.database.name) == [before]
    assert not laravel.is_down


async def test_going_back_without_a_release_is_answered(stage: Stage, laravel: Application) -> None:
    await stage.type("/rollback compte production", RELEASER)
    [run] = await stage.runs(1)
    assert await stage.end(run) == "failed"
    assert "no good release" in str(stage.messages("result", run)[-1]["blocks"])


async def test_twenty_people_ask_at_once_and_each_is_answered(stage: Stage, laravel: Application) -> None:
    people = (ONCALL, RELEASER, ENGINEER, "U0DBA")
    await asyncio.gather(*(stage.type("/migrate-status compte production", people[n % 4]) for n in range(20)))
    answers = await eventually(
        lambda: told if len(told := [text for user in people for text in stage.ephemerals(user)]) >= 20 else None, 60
    )
    assert len(answers) == 20
    assert all("up to date" in answer for answer in answers)
    assert stage.messages("card") == []
