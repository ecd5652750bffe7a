"""Nothing waits unseen on the real bot: a reminder, a cancellation from its own machine, an emergency that is owed."""

import json

from bot.demo.application.application import Application
from bot.demo.application.commits import CommitKind
from bot.demo.host.host import DemoHost
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.outside import changes
from tests.acceptance.support.system import DBA, ENGINEER, RELEASER
from tests.support.polling import eventually

POLICY = {
    "run": {"deploy": ["engineers"]},
    "approve": {"deploy": {"count": 1, "from": ["releasers"], "expires": "24s"}},
    "emergency": {"from": ["engineers"]},
}


async def test_a_reminder_then_a_cancellation_then_an_emergency(
    new_system: NewSystem, laravel_at_first: Application
) -> None:
    await laravel_at_first.next_commit(CommitKind.CODE_ONLY)
    system = await new_system(policy=POLICY)
    await system.bot.start()

    run = await system.ask()
    await system.gate(run)
    await eventually(lambda: system.messages("reminder", run), 30, what="the releasers are reminded")
    [reminder] = system.messages("reminder", run)
    assert "<@U0BOB>" in json.dumps(reminder["blocks"])
    asked = await system.bot.json("runs", "cancel", run)
    assert asked["asked"]
    assert asked["taken"]
    assert await system.end(run) == "cancelled"
    assert "on the bot's machine" in system.result(run)

    run = await system.ask("/deploy compte production --emergency the shop is down")
    assert await system.end(run) == "succeeded"
    card = json.dumps(system.messages("card", run)[-1]["blocks"], ensure_ascii=False)
    assert "Emergency, without approval:* the shop is down" in card
    assert "1 × to be countersigned afterwards" in await system.answer("/ops status", DBA)
    request = system.messages("approval", run)[-1]
    assert system.payload("approval", run)["state"] == "open"

    system.react(request, ENGINEER)
    await eventually(lambda: "you requested this run" in "".join(system.ephemerals(ENGINEER)), 30)
    system.react(request, RELEASER)
    await eventually(lambda: system.payload("approval", run)["state"] == "approved", 40, what="it is countersigned")
    assert "to be countersigned" not in await system.answer("/ops status", DBA)
    history = (await system.bot.json("runs", "show", run))["history"]
    told = [record["event"] for record in history]
    assert told.index("glass_broken") < told.index("run_succeeded") < told.index("countersigned")


async def test_a_retry_of_an_emergency_puts_no_later_commit_live_without_approval(
    new_system: NewSystem, laravel_at_first: Application, ssh_host: DemoHost
) -> None:
    laravel = laravel_at_first
    await laravel.next_commit(CommitKind.CODE_ONLY)
    system = await new_system(policy={**POLICY, "approve": {"deploy": {"count": 1, "from": ["releasers"]}}})
    await system.bot.start()
    live = await laravel.head()
    edited = laravel.dirty()
    first = await system.ask("/deploy compte production --emergency the shop is down")
    assert await system.end(first) == "failed"
    await laravel.run("git", "checkout", "--quiet", "--", str(edited))
    later = await laravel.next_commit(CommitKind.CODE_ONLY)

    await system.press(first, "run_retry", RELEASER)
    [view] = await eventually(lambda: list(system.playground.state.views), 20, what="the form")
    assert len(system.messages("card")) == 1
    assert await system.playground.client_actions.submit(RELEASER, view, {}) == {}
    run = (await system.runs(2))[-1]
    await system.gate(run)
    assert system.payload("plan", run)["sha"] == later
    assert "the shop is down" not in json.dumps(system.messages("", run))
    assert changes(ssh_host) == {}
    assert await laravel.head() == live
