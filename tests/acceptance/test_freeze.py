"""A freeze on the real bot: it refuses with its reason, and an exception needs an approval of its own."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.demo.application.application import Application
from bot.demo.application.commits import CommitKind
from bot.demo.host.host import DemoHost
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.outside import changes
from tests.acceptance.support.system import DBA, ENGINEER, RELEASER, System
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


async def frozen_system(new_system: NewSystem, laravel: Application, *, override: bool) -> System:
    """Start a bot that has something to deploy, and must not."""
    await laravel.next_commit(CommitKind.CODE_ONLY)
    system = await new_system(policy=frozen(override=override))
    await system.bot.start()
    return system


async def test_a_freeze_refuses_and_an_exception_is_countersigned_by_whom_the_override_names(
    new_system: NewSystem, laravel_at_first: Application, ssh_host: DemoHost
) -> None:
    system = await frozen_system(new_system, laravel_at_first, override=True)

    said = await system.answer("/deploy compte production")
    assert all(part in said for part in ("Changes are frozen until", "stock taking", "`--during-freeze`", "Nothing"))
    assert system.messages("card") == []
    assert "❄️ 1 × frozen" in await system.answer("/ops status", DBA)
    assert "needs a reason" in await system.answer("/deploy compte production --during-freeze")
    dry = await system.ask("/deploy compte production --dry-run")
    assert await system.end(dry) == "succeeded"
    backup = await system.ask("/backup compte production")
    assert await system.end(backup) == "succeeded"
    ssh_host.commands.forget()

    run = await system.ask("/deploy compte production --during-freeze the shop is down")
    request = await system.gate(run)
    assert system.payload("approval", run)["needed"] == 2
    assert "the shop is down" in json.dumps(request["blocks"])
    card = json.dumps(system.messages("card", run)[-1]["blocks"], ensure_ascii=False)
    assert "❄️ During a freeze: the shop is down" in card
    system.react(request, ENGINEER)
    system.react(request, RELEASER)
    await eventually(lambda: system.payload("approval", run)["given"] == 1, 30)
    assert system.payload("approval", run)["state"] == "open"
    assert changes(ssh_host) == {}
    system.react(request, DBA)
    assert await system.end(run) == "succeeded"
    history = {record["event"]: record for record in (await system.bot.json("runs", "show", run))["history"]}
    assert history["requested"]["facts"]["typed"].endswith("--during-freeze the shop is down")


async def test_a_policy_without_an_override_makes_no_exception(
    new_system: NewSystem, laravel_at_first: Application, ssh_host: DemoHost
) -> None:
    system = await frozen_system(new_system, laravel_at_first, override=False)
    said = await system.answer("/deploy compte production")
    assert "Changes are frozen" in said
    assert "--during-freeze" not in said
    said = await system.answer("/deploy compte production --during-freeze the shop is down")
    assert "allows no exception" in said
    assert "--during-freeze" not in await system.answer("/ops help", ENGINEER)
    assert system.messages("card") == []
    assert changes(ssh_host) == {}


async def pressed_again(system: System, run: str, filled: dict[str, dict[str, Any]]) -> None:
    """Press *Retry* on a run, and submit the form that it opens."""
    before = set(system.playground.state.views)
    await system.press(run, "run_retry")
    [view] = await eventually(lambda: set(system.playground.state.views) - before, 20, what="the form")
    assert await system.playground.client_actions.submit(ENGINEER, view, filled) == {}


async def test_a_retry_asks_for_the_reason_again_and_without_one_the_freeze_refuses_it(
    new_system: NewSystem, laravel_at_first: Application, ssh_host: DemoHost
) -> None:
    system = await frozen_system(new_system, laravel_at_first, override=True)
    run = await system.ask("/deploy compte production --during-freeze the shop is down")
    await system.gate(run)
    await system.press(run, "run_cancel")
    assert await system.end(run) == "cancelled"

    answers = len(system.ephemerals(ENGINEER))
    await pressed_again(system, run, {})
    await eventually(lambda: len(system.ephemerals(ENGINEER)) > answers, 20, what="the refusal")
    assert "Changes are frozen until" in system.ephemerals(ENGINEER)[-1]
    assert "`--during-freeze`" in system.ephemerals(ENGINEER)[-1]
    assert len(system.messages("card")) == 1

    await pressed_again(system, run, {"during_freeze": {"during_freeze": "it is down again"}})
    again = (await system.runs(2))[-1]
    request = await system.gate(again)
    assert system.payload("approval", again)["needed"] == 2
    assert "it is down again" in json.dumps(request["blocks"])
    assert "the shop is down" not in json.dumps(request["blocks"])
    assert changes(ssh_host) == {}
    history = {record["event"]: record for record in (await system.bot.json("runs", "show", again))["history"]}
    assert history["requested"]["facts"]["typed"] == f"retry {run} --during-freeze it is down again"
