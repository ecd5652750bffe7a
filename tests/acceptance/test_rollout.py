"""`rollout` through the whole bot, on hosts of their own: the first bad one stops, a canary is taken back."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bot.playground import Playground
from tests.acceptance.faults.test_crashes import MORTAL, Lives
from tests.acceptance.support.fleet import Fleet
from tests.acceptance.support.system import Bot, System, environment, workspace
from tests.support import write_operations

POLICY: dict[str, Any] = {
    "run": {"deploy": ["engineers"], "rollback": ["releasers"]},
    "approve": {
        "deploy": {"count": 1, "from": ["releasers"], "expires": "30m"},
        "rollback": {"count": 1, "from": ["releasers"], "expires": "30m", "self": True},
    },
    "decide": ["engineers"],
}
HOOKS = {
    "before_host": "echo out >> {root}/did",
    "after_host": 'test {host} = "$COUNTERSIGN_HOST" && echo back >> {root}/did',
}
DONE = ["out", "switched", "restarted", "back"]
STOPPED = DONE[:3]

NewFleet = Callable[..., Awaitable[tuple[Fleet, System]]]


@pytest.fixture
async def fleet(tmp_path: Path, servers_folder: Path) -> AsyncIterator[NewFleet]:
    """Make hosts, and a system for them."""
    async with AsyncExitStack() as stack:

        async def make(count: int, module: str = "bot", **rollout: Any) -> tuple[Fleet, System]:
            folder = servers_folder / f"fleet-{count}"
            folder.mkdir()
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            hosts = await stack.enter_async_context(Fleet(folder, count))
            ops_file = write_operations(tmp_path, hosts.operations(POLICY, **HOOKS, **rollout))
            playground = await stack.enter_async_context(Playground(workspace()).serve())
            bot = Bot(tmp_path, environment(playground.api_url, ops_file), module)
            stack.push_async_callback(bot.kill)
            made = System(playground, bot)
            stack.callback(made.print_conversation)
            return hosts, made

        yield make


def plan_of(system: System, run: str) -> str:
    return json.dumps(system.messages("plan", run)[-1]["blocks"], ensure_ascii=False)


async def test_the_fifth_of_ten_stops_those_behind_it_and_the_next_run_evens_out(fleet: NewFleet) -> None:
    hosts, system = await fleet(10, batch=2, canary="web1", health="test ! -e {root}/sick")
    first, second = hosts.live("web1"), await hosts.commit("second")
    (hosts.place("web5") / "sick").touch()
    await system.bot.start()
    run = await system.ask()
    request = await system.gate(run)
    assert "In 6 batches of 2 hosts at most, web1 first" in plan_of(system, run)
    assert all(hosts.did(name) == [] for name in hosts.addresses)
    system.react(request)
    assert await system.end(run) == "needs_human"
    for name in ("web1", "web2", "web3", "web4"):
        assert (hosts.live(name), hosts.did(name)) == (second, DONE)
    assert (hosts.live("web5"), hosts.did("web5")) == (second, STOPPED)
    for number in range(6, 11):
        assert (hosts.live(f"web{number}"), hosts.did(f"web{number}")) == (first, [])
    said = system.result(run)
    assert "web1, web2, web3 +1" in said
    assert "*web5*" in said
    assert "out of service" in said
    assert f"`{first}` web6, web7, web8 +2" in said
    assert {"run_resume_retry", "run_resume_go_on", "run_rollback"} <= {
        word for word in said.split('"') if word.startswith("run_")
    }

    went_on = await system.decide(run, "run_resume_go_on")
    assert await system.approved(went_on) == "succeeded"
    assert "web5 left as they are" in system.result(went_on)
    assert hosts.did("web5") == STOPPED
    assert all(hosts.did(name) == DONE for name in hosts.addresses if name != "web5")

    (hosts.place("web5") / "sick").unlink()
    again = await system.ask()
    assert await system.approved(again) == "succeeded"
    assert hosts.did("web5") == [*STOPPED, *DONE]


async def test_a_canary_that_fails_is_taken_back(fleet: NewFleet) -> None:
    hosts, system = await fleet(3, canary="web2", health="test ! -e {path}/sick")
    first, second = hosts.live("web1"), await hosts.commit("sick")
    await system.bot.start()
    run = await system.ask()
    assert await system.approved(run) == "needs_human"
    assert [hosts.live(name) for name in hosts.addresses] == [first, second, first]
    back = await system.decide(run, "run_rollback")
    assert await system.approved(back) == "succeeded"
    assert [hosts.live(name) for name in hosts.addresses] == [first, first, first]
    assert hosts.did("web2") == [*STOPPED, *DONE]
    assert hosts.did("web1") == hosts.did("web3") == []
    # Nothing is left of it: the next deploy finds hosts that are alike.
    third = await system.ask()
    await system.gate(third)
    assert "Hosts differ" not in plan_of(system, third)


async def test_the_bot_may_be_killed_between_the_hosts(fleet: NewFleet, tmp_path: Path) -> None:
    hosts, system = await fleet(3, MORTAL, batch=1, pause="1s", health="true")
    second = await hosts.commit("second")
    deadly = {
        "before commit step before-host running",
        "after ssh sent [before-host running]",
        "before commit step switch done",
        "before commit step host-health done",
        "before commit step after-host done",
        "after commit step after-host done",
    }
    lives = Lives(system, tmp_path / "passed", deadly)
    assert await lives.play() == "succeeded"
    assert len(lives.died_at) >= 4, lives.died_at
    assert [(hosts.live(name), hosts.did(name)) for name in hosts.addresses] == [(second, DONE)] * 3
