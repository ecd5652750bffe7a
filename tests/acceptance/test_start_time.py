"""A deploy at a chosen time on the real bot: it waits over a restart, in nobody's way, and begins then."""

from datetime import UTC, datetime, timedelta

from bot.demo.application.application import Application
from bot.demo.application.commits import CommitKind
from bot.demo.host.host import DemoHost
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.outside import changes
from tests.acceptance.support.system import ENGINEER, RELEASER, System
from tests.support.polling import eventually

POLICY = {
    "run": {"deploy": ["engineers"], "backup": ["engineers"]},
    "approve": {"deploy": {"count": 1, "from": ["releasers"], "expires": "10m"}},
}


async def waiting(system: System, seconds: int) -> str:
    """Ask for a deploy in so many seconds, with the quotes of a phone, and approve it now."""
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    run = await system.ask(f"/deploy compte production --at “{at:%H:%M:%S} UTC”")
    system.react(await system.gate(run))
    await eventually(lambda: system.payload("card", run)["state"] == "queued", 60, what="it waits, approved")
    return run


async def test_it_waits_over_a_restart_and_begins_when_it_is_time(
    new_system: NewSystem, laravel_at_first: Application, ssh_host: DemoHost
) -> None:
    laravel = laravel_at_first
    commit = await laravel.next_commit(CommitKind.CODE_ONLY)
    system = await new_system(policy=POLICY)
    await system.bot.start()

    # an approval that is taken back ends it at once
    run = await waiting(system, 600)
    [told] = system.ephemerals(ENGINEER)
    assert f"`{run}` is to begin at" in told
    assert " UTC, in " in told
    card = system.payload("card", run)
    assert datetime.fromisoformat(card["starts_at"]) > datetime.fromisoformat("2025-01-01T00:00:00+00:00")
    assert "begins" in await system.answer("/ops status")
    system.unreact(system.messages("approval", run)[-1], RELEASER)
    assert await system.end(run) == "failed"
    assert changes(ssh_host) == {}

    # down and up again while it waits; others use the target meanwhile
    run = await waiting(system, 30)
    await system.bot.kill()
    await system.bot.start()
    other = await system.ask("/deploy compte production --dry-run")
    assert await system.end(other) == "succeeded"
    assert system.payload("card", run)["state"] == "queued"
    assert changes(ssh_host) == {}
    assert await system.end(run) == "succeeded"
    assert await laravel.head() == commit
    states = list(dict.fromkeys(system.state_history(run, "countersign_run")))
    assert states.index("awaiting_approval") < states.index("running")
    shown = await system.bot.json("runs", "show", run)
    began = datetime.fromisoformat(next(each["at"] for each in shown["history"] if each["event"] == "time_reached"))
    assert began >= datetime.fromisoformat(system.payload("card", run)["starts_at"])
