"""Who countersigns, what counts, and what makes an approval void."""

from collections.abc import Awaitable, Callable

import pytest

from bot.demo.application.application import Application
from bot.demo.application.commits import Kind
from bot.demo.host.host import Host
from tests.acceptance.conftest import NewStage
from tests.acceptance.support.outside import changes
from tests.acceptance.support.stage import DBA, ENGINEER, ONCALL, RELEASER, Stage
from tests.support.operations import RELAXED
from tests.support.polling import eventually


async def test_whose_emoji_counts(stage: Stage, laravel: Application, ssh_host: Host) -> None:
    run = await stage.ask()
    request = await stage.gate(run)
    for user, said in {ENGINEER: "you asked for this run", DBA: "may approve"}.items():
        stage.react(request, user)
        await eventually(lambda user=user: stage.ephemerals(user), what="a word to somebody whose emoji does not count")
        stage.unreact(request, user)
        stage.react(request, user, "+1")
        assert said in stage.ephemerals(user)[0]
    assert stage.payload("approval", run)["state"] == "open"
    assert changes(ssh_host) == {}

    # through the user group, and with another name and another skin of the emoji
    stage.react(request, ONCALL, "thumbsup::skin-tone-3")
    assert await stage.end(run) == "succeeded"
    assert [len(stage.ephemerals(user)) for user in (ENGINEER, DBA, ONCALL)] == [1, 1, 0]
    history = (await stage.bot.json("runs", "show", run))["history"]
    assert [record["actor"] for record in history if record["event"] == "vote"] == [ONCALL]


async def test_rejecting_and_taking_back(stage: Stage, laravel: Application, ssh_host: Host) -> None:
    before = await laravel.head()
    run = await stage.ask()
    stage.react(await stage.gate(run), RELEASER, "x")
    assert await stage.end(run) == "rejected"
    assert stage.payload("approval", run)["state"] == "rejected"
    assert "Nothing in production was changed" in stage.result(run)

    # taken back before anybody saw it: only what stands there at the end counts
    run = await stage.ask()
    request = await stage.gate(run)
    stage.playground.faults.set({"event_delay": 0.5})
    stage.react(request)
    stage.unreact(request)
    stage.playground.faults.clear()
    await eventually(
        lambda: [call for call in stage.playground.api.log if call.method == "reactions.get"][-1].time > 0, 5
    )
    assert stage.payload("approval", run)["state"] == "open"
    await stage.press(run, "run_cancel")
    assert await stage.end(run) == "cancelled"
    assert changes(ssh_host) == {}
    assert await laravel.head() == before


async def test_two_people_must_agree_and_either_may_take_it_back(
    new_stage: NewStage, laravel_at_first: Application, ssh_host: Host
) -> None:
    await laravel_at_first.next_commit(Kind.CODE_ONLY)
    policy = {
        "run": {"deploy": ["engineers"]},
        "approve": {"deploy": {"count": 2, "from": ["releasers"], "expires": "30m"}},
    }
    stage = await new_stage(policy=policy)
    await stage.bot.start()
    run = await stage.ask()
    request = await stage.gate(run)
    assert stage.payload("approval", run)["needed"] == 2
    stage.react(request, RELEASER)
    await eventually(lambda: stage.payload("approval", run)["given"] == 1)
    stage.unreact(request, RELEASER)
    await eventually(lambda: stage.payload("approval", run)["given"] == 0)
    stage.react(request, ONCALL)
    await eventually(lambda: stage.payload("approval", run)["given"] == 1)
    assert changes(ssh_host) == {}
    stage.react(request, RELEASER)
    assert await stage.end(run) == "succeeded"
    assert stage.payload("approval", run)["given"] == 2


async def test_a_relaxed_policy_asks_nobody_and_code_alone_takes_nothing_down(
    new_stage: NewStage, laravel_at_first: Application, ssh_host: Host
) -> None:
    await laravel_at_first.next_commit(Kind.CODE_ONLY)
    await laravel_at_first.next_commit(Kind.CODE_ONLY)
    stage = await new_stage(policy=RELAXED)
    await stage.bot.start()
    run = await stage.ask()
    assert await stage.end(run) == "succeeded"
    assert stage.messages("approval", run) == []
    assert await laravel_at_first.head() == await laravel_at_first.tip()
    ran = changes(ssh_host)
    assert ran["git merge"] == 1
    assert ran["php artisan down"] == ran["php artisan up"] == ran["php artisan migrate"] == 0
    history = (await stage.bot.json("runs", "show", run))["history"]
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
    stage: Stage,
    laravel: Application,
    ssh_host: Host,
    part: tuple[str, str],
) -> None:
    first = await laravel.head()
    for name in part:
        run = await stage.ask()
        request = await stage.gate(run)
        what = await WORLDS[name](laravel)
        head, down = await laravel.head(), laravel.is_down
        ssh_host.commands.forget()
        stage.react(request)
        assert await stage.end(run) == "failed", name
        assert stage.payload("approval", run)["state"] == "void"
        assert what in (stage.result(run) + str(stage.messages("approval", run))).lower()
        assert "Nothing in production was changed" in stage.result(run)
        assert changes(ssh_host) == {}
        assert (await laravel.head(), laravel.is_down) == (head, down)
        await laravel.run("git", "reset", "--quiet", "--hard", first)
        if laravel.is_down:
            await laravel.artisan("up")
