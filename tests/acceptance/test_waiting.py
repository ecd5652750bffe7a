"""Nothing waits unseen on the real bot: a reminder, a cancellation from its own machine, an emergency that is owed."""

import json

from bot.demo.application.application import Application
from bot.demo.application.commits import Kind
from tests.acceptance.conftest import NewStage
from tests.acceptance.support.stage import DBA, ENGINEER, RELEASER
from tests.support.polling import eventually

POLICY = {
    "run": {"deploy": ["engineers"]},
    "approve": {"deploy": {"count": 1, "from": ["releasers"], "expires": "24s"}},
    "emergency": {"from": ["engineers"]},
}


async def test_a_reminder_then_a_cancellation_then_an_emergency(
    new_stage: NewStage, laravel_at_first: Application
) -> None:
    await laravel_at_first.next_commit(Kind.CODE_ONLY)
    stage = await new_stage(policy=POLICY)
    await stage.bot.start()

    run = await stage.ask()
    await stage.gate(run)
    await eventually(lambda: stage.messages("reminder", run), 30, what="the releasers are reminded")
    [reminder] = stage.messages("reminder", run)
    assert "<@U0BOB>" in json.dumps(reminder["blocks"])
    asked = await stage.bot.json("runs", "cancel", run)
    assert asked["asked"]
    assert asked["taken"]
    assert await stage.end(run) == "cancelled"
    assert "at my own machine" in stage.result(run)

    run = await stage.ask("/deploy compte production --emergency the shop is down")
    assert await stage.end(run) == "succeeded"
    card = json.dumps(stage.messages("card", run)[-1]["blocks"], ensure_ascii=False)
    assert "Emergency, without approval:* the shop is down" in card
    assert "1 × to be countersigned afterwards" in await stage.told("/ops status", DBA)
    request = stage.messages("approval", run)[-1]
    assert stage.payload("approval", run)["state"] == "open"

    stage.react(request, ENGINEER)
    await eventually(lambda: "you asked for this run" in "".join(stage.ephemerals(ENGINEER)), 30)
    stage.react(request, RELEASER)
    await eventually(lambda: stage.payload("approval", run)["state"] == "approved", 40, what="it is countersigned")
    assert "to be countersigned" not in await stage.told("/ops status", DBA)
    history = (await stage.bot.json("runs", "show", run))["history"]
    told = [record["event"] for record in history]
    assert told.index("glass_broken") < told.index("run_succeeded") < told.index("countersigned")
