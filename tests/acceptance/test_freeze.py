"""A freeze on the real bot: it refuses with its reason, and an exception needs an approval of its own."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.demo.application.application import Application
from bot.demo.application.commits import Kind
from bot.demo.host.host import Host
from tests.acceptance.conftest import NewStage
from tests.acceptance.support.outside import changes
from tests.acceptance.support.stage import DBA, ENGINEER, RELEASER, Stage
from tests.support.polling import eventually


def frozen(*, override: bool) -> dict[str, Any]:
    """A policy that is frozen from yesterday until tomorrow."""
    now = datetime.now(UTC)
    begins, ends = ((now + timedelta(days=days)).strftime("%a %H:%M") for days in (-1, 1))
    exception = {"override": {"count": 2, "from": ["releasers", "dbas"], "expires": "30m"}} if override else {}
    return {
        "run": {"deploy": ["engineers"], "backup": ["engineers"], "migrate-status": ["anyone"]},
        "approve": {"deploy": {"count": 1, "from": ["releasers"], "expires": "30m"}, **exception},
        "freeze": [{"from": begins, "to": ends, "timezone": "UTC", "reason": "stock taking"}],
    }


async def frozen_stage(new_stage: NewStage, laravel: Application, *, override: bool) -> Stage:
    """Start a bot that has something to deploy, and must not."""
    await laravel.next_commit(Kind.CODE_ONLY)
    stage = await new_stage(policy=frozen(override=override))
    await stage.bot.start()
    return stage


async def test_a_freeze_refuses_and_an_exception_is_countersigned_by_whom_the_override_names(
    new_stage: NewStage, laravel_at_first: Application, ssh_host: Host
) -> None:
    stage = await frozen_stage(new_stage, laravel_at_first, override=True)

    said = await stage.told("/deploy compte production")
    assert all(part in said for part in ("Changes are frozen until", "stock taking", "`--during-freeze`", "Nothing"))
    assert stage.messages("card") == []
    assert "❄️ 1 × frozen" in await stage.told("/ops status", DBA)
    assert "lacks a reason" in await stage.told("/deploy compte production --during-freeze")
    dry = await stage.ask("/deploy compte production --dry-run")
    assert await stage.end(dry) == "succeeded"
    backup = await stage.ask("/backup compte production")
    assert await stage.end(backup) == "succeeded"
    ssh_host.commands.forget()

    run = await stage.ask("/deploy compte production --during-freeze the shop is down")
    request = await stage.gate(run)
    assert stage.payload("approval", run)["needed"] == 2
    assert "the shop is down" in json.dumps(request["blocks"])
    card = json.dumps(stage.messages("card", run)[-1]["blocks"], ensure_ascii=False)
    assert "❄️ During a freeze: the shop is down" in card
    stage.react(request, ENGINEER)
    stage.react(request, RELEASER)
    await eventually(lambda: stage.payload("approval", run)["given"] == 1, 30)
    assert stage.payload("approval", run)["state"] == "open"
    assert changes(ssh_host) == {}
    stage.react(request, DBA)
    assert await stage.end(run) == "succeeded"
    history = {record["event"]: record for record in (await stage.bot.json("runs", "show", run))["history"]}
    assert history["requested"]["facts"]["typed"].endswith("--during-freeze the shop is down")


async def test_a_policy_without_an_override_makes_no_exception(
    new_stage: NewStage, laravel_at_first: Application, ssh_host: Host
) -> None:
    stage = await frozen_stage(new_stage, laravel_at_first, override=False)
    said = await stage.told("/deploy compte production")
    assert "Changes are frozen" in said
    assert "--during-freeze" not in said
    said = await stage.told("/deploy compte production --during-freeze the shop is down")
    assert "makes no exception" in said
    assert "--during-freeze" not in await stage.told("/ops help", ENGINEER)
    assert stage.messages("card") == []
    assert changes(ssh_host) == {}
