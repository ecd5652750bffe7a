"""Who countersigns, what counts, and what makes an approval void."""

from collections.abc import Awaitable, Callable

import pytest

from bot.demo.application.application import Application
from bot.demo.application.commits import CommitKind
from bot.demo.host.host import DemoHost
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.outside import changes
from tests.acceptance.support.system import DBA, ENGINEER, ONCALL, RELEASER, System
from tests.support.operations import RELAXED
from tests.support.polling import eventually


async def test_whose_emoji_counts(system: System, laravel: Application, ssh_host: DemoHost) -> None:
    run = await system.ask()
    request = await system.gate(run)
    for user, said in {ENGINEER: "you requested this run", DBA: "can approve"}.items():
        system.react(request, user)
        await eventually(
            lambda user=user: system.ephemerals(user), what="a word to somebody whose emoji does not count"
        )
        system.unreact(request, user)
        system.react(request, user, "+1")
        assert said in system.ephemerals(user)[0]
    assert system.payload("approval", run)["state"] == "open"
    assert changes(ssh_host) == {}

    # through the user group, and with another name and another skin of the emoji
    system.react(request, ONCALL, "thumbsup::skin-tone-3")
    assert await system.end(run) == "succeeded"
    assert [len(system.ephemerals(user)) for user in (ENGINEER, DBA, ONCALL)] == [1, 1, 0]
    history = (await system.bot.json("runs", "show", run))["history"]
    assert [record["actor"] for record in history if record["event"] == "vote"] == [ONCALL]


async def test_rejecting_and_taking_back(system: System, laravel: Application, ssh_host: DemoHost) -> None:
    before = await laravel.head()
    run = await system.ask()
    system.react(await system.gate(run), RELEASER, "x")
    assert await system.end(run) == "rejected"
    assert system.payload("approval", run)["state"] == "rejected"
    assert "Nothing in production was changed" in system.result(run)

    # taken back before anybody saw it: only what stands there at the end counts
    run = await system.ask()
    request = await system.gate(run)
    system.playground.faults.set({"event_delay": 0.5})
    system.react(request)
    system.unreact(request)
    system.playground.faults.clear()
    await eventually(
        lambda: [call for call in system.playground.api.log if call.method == "reactions.get"][-1].time > 0, 5
    )
    assert system.payload("approval", run)["state"] == "open"
    await system.press(run, "run_cancel")
    assert await system.end(run) == "cancelled"
    assert changes(ssh_host) == {}
    assert await laravel.head() == before


async def test_two_people_must_agree_and_either_may_take_it_back(
    new_system: NewSystem, laravel_at_first: Application, ssh_host: DemoHost
) -> None:
    await laravel_at_first.next_commit(CommitKind.CODE_ONLY)
    policy = {
        "run": {"deploy": ["engineers"]},
        "approve": {"deploy": {"count": 2, "from": ["releasers"], "expires": "30m"}},
    }
    system = await new_system(policy=policy)
    await system.bot.start()
    run = await system.ask()
    request = await system.gate(run)
    assert system.payload("approval", run)["needed"] == 2
    system.react(request, RELEASER)
    await eventually(lambda: system.payload("approval", run)["given"] == 1)
    system.unreact(request, RELEASER)
    await eventually(lambda: system.payload("approval", run)["given"] == 0)
    system.react(request, ONCALL)
    await eventually(lambda: system.payload("approval", run)["given"] == 1)
    assert changes(ssh_host) == {}
    system.react(request, RELEASER)
    assert await system.end(run) == "succeeded"
    assert system.payload("approval", run)["given"] == 2


async def test_a_relaxed_policy_asks_nobody_and_code_alone_takes_nothing_down(
    new_system: NewSystem, laravel_at_first: Application, ssh_host: DemoHost
) -> None:
    await laravel_at_first.next_commit(CommitKind.CODE_ONLY)
    await laravel_at_first.next_commit(CommitKind.CODE_ONLY)
    system = await new_system(policy=RELAXED)
    await system.bot.start()
    run = await system.ask()
    assert await system.end(run) == "succeeded"
    assert system.messages("approval", run) == []
    assert await laravel_at_first.head() == await laravel_at_first.tip()
    ran = changes(ssh_host)
    assert ran["git merge"] == 1
    assert ran["php artisan down"] == ran["php artisan up"] == ran["php artisan migrate"] == 0
    history = (await system.bot.json("runs", "show", run))["history"]
    assert "gate_waived" in [record["event"] for record in history]


async def _by_hand(laravel: Application) -> str:
    await laravel.run("git", "fetch", "--quiet", "origin")
    await laravel.run("git", "merge", "--quiet", "--ff-only", "origin/main")
    return "checked out on web1"


async def _migrated(laravel: Application) -> str:
    before = await laravel.head()
    await _by_hand(laravel)
    await laravel.artisan("migrate", "--force")
    await laravel.run("git", "reset", "--quiet", "--hard", before)
    return "pending migrations"


async def _dirty(laravel: Application) -> str:
    return str(laravel.dirty())


async def _down(laravel: Application) -> str:
    await laravel.artisan("down")
    return "maintenance on web1"


WORLDS: dict[str, Callable[[Application], Awaitable[str]]] = {
    "another commit": _by_hand,
    "a migration": _migrated,
    "a file": _dirty,
    "maintenance": _down,
}


@pytest.mark.parametrize("part", [("another commit", "maintenance"), ("a migration", "a file")], ids=" and ".join)
async def test_what_was_approved_is_void_when_the_world_has_moved(
    system: System,
    laravel: Application,
    ssh_host: DemoHost,
    part: tuple[str, str],
) -> None:
    first = await laravel.head()
    for name in part:
        run = await system.ask()
        request = await system.gate(run)
        what = await WORLDS[name](laravel)
        head, down = await laravel.head(), laravel.is_down
        ssh_host.commands.forget()
        system.react(request)
        assert await system.end(run) == "failed", name
        assert system.payload("approval", run)["state"] == "void"
        assert what in (system.result(run) + str(system.messages("approval", run))).lower()
        assert "Nothing in production was changed" in system.result(run)
        assert changes(ssh_host) == {}
        assert (await laravel.head(), laravel.is_down) == (head, down)
        await laravel.run("git", "reset", "--quiet", "--hard", first)
        if laravel.is_down:
            await laravel.artisan("up")
