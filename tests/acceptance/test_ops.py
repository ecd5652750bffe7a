"""`/ops` on the real bot: a lock refuses, stops an approved run, and everything is told to one person alone."""

from bot.demo.application.application import Application
from bot.demo.host.host import DemoHost
from tests.acceptance.support.outside import changes
from tests.acceptance.support.system import DBA, ENGINEER, RELEASER, System
from tests.support.polling import eventually


async def test_a_target_is_looked_at_locked_and_let_go(
    system: System, laravel: Application, ssh_host: DemoHost
) -> None:
    said = await system.answer("/ops")
    assert "Nothing in progress, nothing waiting" in said
    assert "/deploy APP ENV" in await system.answer("/ops help")
    assert "You can't lock here" in await system.answer("/ops lock compte production no reason", DBA)

    run = await system.ask()
    gate = await system.gate(run)
    assert "1 × needs approval" in await system.answer("/ops status compte production", DBA)

    assert "compte production is locked" in await system.answer("/ops lock compte production stock taking", RELEASER)
    assert "1 × locked" in await system.answer("/ops status")
    said = await system.answer("/deploy compte production")
    assert all(part in said for part in ("Locked by <@U0BOB> since", "stock taking", "Nothing was started"))
    system.react(gate)
    assert await system.end(run) == "failed"
    assert all(part in system.result(run) for part in ("Locked by", "stock taking", "Nothing in production"))
    assert changes(ssh_host) == {}

    assert "It is not your lock, so nothing was done yet." in await system.answer("/ops unlock compte production")
    assert "1 × locked" in await system.answer("/ops status", DBA)
    await system.press_shown("ops_unlock")
    await eventually(lambda: "locked by <@U0BOB>, who is notified" in system.ephemerals(ENGINEER)[-1], 20)
    [told] = await eventually(lambda: system.messages("lock"), 20, what="the owner is told")
    assert "<@U0BOB>: <@U0AMELIE> removed your lock on" in told["text"]
    second = await system.ask()
    await system.gate(second)
    assert "is being cancelled. Nothing in production was changed." in await system.answer(f"/ops cancel {second}")
    assert await system.end(second) == "cancelled"
    assert "has already ended (cancelled)" in await system.answer(f"/ops cancel {second}")
    async with system.bot.store() as store:
        events = [record.entry.event for record in await store.history.all()]
    assert [event for event in events if event.endswith("locked")] == ["locked", "unlocked"]
