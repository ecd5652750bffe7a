"""Hosts in batches: the first bad one stops the run, and nothing is done twice or lost, whenever the bot dies."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.policies.people import ANYONE
from bot.domain.runs.decisions import legal_decisions
from bot.domain.runs.findings import AllAtOnce, Finding, HostsDiffer, LeftOut, first_of
from bot.domain.runs.history_check import disagreements
from bot.domain.runs.migration_risk import EffectKind
from bot.domain.runs.plan_json import FINDINGS, findings_to_text
from bot.domain.runs.request import Action, Decision, Origin, RollbackOptions
from bot.domain.runs.rollout_progress import HostProgress, hosts_in_rollout
from bot.domain.runs.run import ENDS, Run, RunState, StepState
from bot.domain.targets.layout import Releases
from bot.domain.targets.rollout import HealthCommand, Rollout
from bot.domain.targets.target import Target
from bot.engine.ports import Done, Failed, Unknown
from tests.domain.runs.test_release_order import FAX, did
from tests.engine.support.world import APPROVE, Hosts, SmallWorld, small_world
from tests.engine.test_crashes import Deaths, live, quiet  # noqa: F401 - the fixture
from tests.support.examples import HEAD, NEXT, POLICY, TARGET
from tests.support.polling import eventually

RECIPE = Path(__file__).parents[1] / "support" / "hosts.yaml"
PENDING = "2025_11_16_074003_add_token_id"
DONE = (*ENDS, RunState.NEEDS_HUMAN)
AROUND = ("before-host", "checkout", "host-health", "after-host")
BOB = Origin("U0BOB", "C0OPS", "Ev-decision")
BAD = Failed(problem(Reason.EXIT_STATUS), 1)

HOOKS = Rollout(before_host="drain {host}", after_host="undrain {host}", health=HealthCommand("test -e ok"))


def hosts(count: int) -> tuple[str, ...]:
    return tuple(f"web{number}" for number in range(1, count + 1))


def of(count: int, rollout: Rollout) -> Target:
    gates = {"deploy": POLICY.approve["deploy"], "rollback": POLICY.approve["deploy"]}
    policy = replace(POLICY, run={Action.DEPLOY: ANYONE, Action.ROLLBACK: ANYONE}, approve=gates, backup_before={})
    # Without a database nothing is pending.
    return replace(TARGET, hosts=hosts(count), policy=policy, rollout=rollout, database=None, backups=None)


async def world_of(folder: Path, count: int, rollout: Rollout) -> AsyncIterator[SmallWorld]:
    async with small_world(folder, of(count, rollout), str(RECIPE)) as made:
        yield made
        for stored in await made.store.history.stored_runs_after(0, 1000):
            assert stored.run is not None
            assert disagreements(stored.run, stored.records) == ()


@pytest.fixture
async def ten(tmp_path: Path) -> AsyncIterator[SmallWorld]:
    """Ten hosts, two at a time behind a canary."""
    async for made in world_of(tmp_path, 10, replace(HOOKS, batch=2, canary="web1")):
        yield made


@pytest.fixture
async def four(tmp_path: Path) -> AsyncIterator[SmallWorld]:
    """Four hosts, one at a time, a minute apart."""
    async for made in world_of(tmp_path, 4, replace(HOOKS, pause=timedelta(minutes=1))):
        yield made


async def stopped(world: SmallWorld, *bad: tuple[str, str], event: str = "Ev1") -> Run:
    """Let a deploy stop at some hosts; what it made live is live then."""
    world.hosts.at |= dict.fromkeys(bad, BAD)
    run = await world.submit(event)
    waiting = await world.until(run, RunState.AWAITING_APPROVAL, *DONE)
    assert waiting.state is RunState.AWAITING_APPROVAL, waiting.problem
    world.people.said["U0BOB"] = APPROVE
    held = await world.until(run, *DONE)
    world.people.said.clear()
    seen(world)
    return held


def seen(world: SmallWorld) -> None:
    """Let the hosts show what was done on them."""
    for key, place, _ in world.hosts.ledger:
        if key in {"checkout", "checkout-back"} and (key, place) not in world.hosts.at:
            world.sight.moves(place, head=NEXT, commits=(), commit_count=0, changed=())


async def decided(world: SmallWorld, held: Run, decision: Decision, event: str = "Ev-decision") -> Run:
    after = await world.engine.decide(held.id, decision, replace(BOB, event=event))
    await world.until(after.id, RunState.AWAITING_APPROVAL, *DONE)
    world.people.said["U0EVE"] = APPROVE
    ended = await world.until(after.id, *DONE)
    world.people.said.clear()
    return ended


def done_at(world: SmallWorld, place: str) -> list[str]:
    return [key for key, at, _ in world.hosts.ledger if at == place and key in (*AROUND, "checkout-back")]


def progress(run: Run) -> dict[str, HostProgress]:
    return {one.host: one.progress for one in hosts_in_rollout(run)}


async def test_the_first_bad_host_stops_those_behind_it(ten: SmallWorld) -> None:
    held = await stopped(ten, ("host-health", "web5"))
    assert held.state is RunState.NEEDS_HUMAN
    assert held.problem is not None
    assert held.problem.facts["place"] == "web5"
    for place in hosts(4):
        assert done_at(ten, place) == list(AROUND)
    assert done_at(ten, "web5") == ["before-host", "checkout", "host-health"]
    for number in range(6, 11):
        assert done_at(ten, f"web{number}") == []
    assert progress(held) == {
        **dict.fromkeys(hosts(10), HostProgress.WAITING),
        **dict.fromkeys(hosts(4), HostProgress.DONE),
        "web5": HostProgress.STOPPED,
    }
    assert set(Counter(ten.hosts.ledger).values()) == {1}
    assert legal_decisions(held) == (Decision.RETRY, Decision.GO_ON, Decision.ROLL_BACK, Decision.CLOSE)


async def test_a_healthy_host_beside_a_bad_one_is_put_back(ten: SmallWorld) -> None:
    await stopped(ten, ("host-health", "web4"))
    assert done_at(ten, "web5") == list(AROUND)
    assert "after-host" not in done_at(ten, "web4")
    assert done_at(ten, "web6") == []


async def test_all_batches_go_through(ten: SmallWorld) -> None:
    ended = await stopped(ten)
    assert ended.state is RunState.SUCCEEDED, ended.problem
    order = list(dict.fromkeys(place for key, place, _ in ten.hosts.ledger if key == "before-host"))
    assert order[0] == "web1"
    assert [set(order[at : at + 2]) for at in range(1, 9, 2)] == [
        {f"web{number}", f"web{number + 1}"} for number in range(2, 10, 2)
    ]
    assert all(done_at(ten, place) == list(AROUND) for place in hosts(10))


async def test_going_on_leaves_the_bad_host_and_the_next_run_evens_it_out(ten: SmallWorld) -> None:
    held = await stopped(ten, ("host-health", "web5"))
    went_on = await decided(ten, held, Decision.GO_ON)
    assert went_on.state is RunState.SUCCEEDED, went_on.problem
    assert went_on.plan is not None
    assert first_of(LeftOut, went_on.plan.findings) == LeftOut(("web5",))
    assert went_on.plan.batches is not None
    assert went_on.plan.batches.hosts == (("web6", "web7"), ("web8", "web9"), ("web10",))
    assert all(done_at(ten, place) == list(AROUND) for place in hosts(10) if place != "web5")
    assert done_at(ten, "web5") == ["before-host", "checkout", "host-health"]
    assert not any(row.place == "web5" for row in went_on.steps)

    # It has the commit, and is out of service: there is something to do.
    del ten.hosts.at["host-health", "web5"]
    seen(ten)
    ten.sight.remember(went_on, await ten.run(held.id))
    ended = await stopped(ten, event="Ev-next")
    assert ended.state is RunState.SUCCEEDED, ended.problem
    assert not ended.nothing_to_do
    assert done_at(ten, "web5")[3:] == list(AROUND)


async def test_going_on_does_not_need_the_host_that_is_left(ten: SmallWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    held = await stopped(ten, ("host-health", "web5"))
    ten.sight.silent["web5"] = RefusedError(problem(Reason.HOST_UNREACHABLE, host="web5"))
    went_on = await decided(ten, held, Decision.GO_ON)
    assert went_on.state is RunState.SUCCEEDED, went_on.problem


async def test_hosts_that_differ_are_named_and_made_the_same(ten: SmallWorld) -> None:
    held = await stopped(ten, ("host-health", "web5"))
    await ten.engine.decide(held.id, Decision.CLOSE, BOB)
    del ten.hosts.at["host-health", "web5"]
    ten.sight.remember(await ten.run(held.id))
    ended = await stopped(ten, event="Ev-next")
    assert ended.plan is not None
    assert first_of(HostsDiffer, ended.plan.findings) == HostsDiffer(
        (f"{NEXT[:7]} on web1, web2, web3, web4, web5", f"{HEAD[:7]} on web6, web7, web8, web9, web10")
    )
    assert ended.state is RunState.SUCCEEDED, ended.problem
    assert all(done_at(ten, place)[-4:] == list(AROUND) for place in hosts(10))


async def test_a_retry_asks_the_bad_host_again_and_goes_on(ten: SmallWorld) -> None:
    held = await stopped(ten, ("host-health", "web5"))
    del ten.hosts.at["host-health", "web5"]
    ended = await decided(ten, held, Decision.RETRY)
    assert ended.state is RunState.SUCCEEDED, ended.problem
    assert done_at(ten, "web5") == ["before-host", "checkout", "host-health", "host-health", "after-host"]
    assert all(done_at(ten, place) == list(AROUND) for place in hosts(10) if place != "web5")


@pytest.mark.parametrize("decision", [Decision.RETRY, Decision.GO_ON, Decision.ROLL_BACK])
async def test_a_host_that_is_no_longer_configured_is_left_alone(ten: SmallWorld, decision: Decision) -> None:
    held = await stopped(ten, ("host-health", "web2"))
    for place in hosts(10):
        ten.sight.moves(place, sha=HEAD if decision is Decision.ROLL_BACK else NEXT, removed_count=1)
    await ten.engine.drain()
    ten.target = replace(ten.target, hosts=tuple(place for place in hosts(10) if place != "web2"))
    del ten.sight.hosts["web2"]
    await ten.new_engine().start()
    ended = await decided(ten, held, decision)
    assert ended.state is RunState.SUCCEEDED, ended.problem
    assert done_at(ten, "web2") == list(AROUND[:3])
    assert all(row.place != "web2" for row in ended.steps)


async def test_those_that_were_changed_are_taken_back(ten: SmallWorld) -> None:
    held = await stopped(ten, ("host-health", "web1"))
    assert progress(held)["web2"] is HostProgress.WAITING
    ten.sight.moves("web1", sha=HEAD, removed_count=1)
    for place in hosts(10)[1:]:
        ten.sight.moves(place, sha=HEAD)
    del ten.hosts.at["host-health", "web1"]
    ended = await decided(ten, held, Decision.ROLL_BACK)
    assert ended.state is RunState.SUCCEEDED, ended.problem
    assert ended.request.action is Action.ROLLBACK
    assert ended.gate is not None
    assert ended.gate.requirement.needed == 1
    assert done_at(ten, "web1")[3:] == ["before-host", "checkout-back", "host-health", "after-host"]
    assert all(done_at(ten, place) == [] for place in hosts(10)[1:])


async def test_hosts_that_were_left_different_are_taken_back_by_a_rollback(ten: SmallWorld) -> None:
    held = await stopped(ten, ("host-health", "web3"))
    await ten.engine.decide(held.id, Decision.CLOSE, BOB)
    del ten.hosts.at["host-health", "web3"]
    ten.sight.remember(await ten.run(held.id))
    for place in hosts(10):
        ten.sight.moves(place, sha=HEAD, removed_count=1 if place in hosts(3) else 0)
    run = await ten.submit("Ev-back", options=RollbackOptions())
    waiting = await ten.until(run, RunState.AWAITING_APPROVAL, *DONE)
    assert waiting.state is RunState.AWAITING_APPROVAL, waiting.problem
    ten.people.said["U0BOB"] = APPROVE
    ended = await ten.until(run, *DONE)
    assert ended.state is RunState.SUCCEEDED, ended.problem
    back = ["before-host", "checkout-back", "host-health", "after-host"]
    assert all(done_at(ten, place)[-4:] == back for place in hosts(3))
    assert done_at(ten, "web4") == []


async def test_the_others_are_taken_back_though_one_no_longer_answers(ten: SmallWorld) -> None:
    held = await stopped(ten, ("host-health", "web3"))
    ten.hosts.at |= {("preflight", "web3"): BAD}
    for place in hosts(10):
        ten.sight.moves(place, sha=HEAD, removed_count=1 if place in hosts(3) else 0)
    silent = RefusedError(problem(Reason.HOST_UNREACHABLE, host="web3"))
    ten.sight.silent["web3"] = silent
    ended = await decided(ten, held, Decision.ROLL_BACK)
    assert ended.state is RunState.SUCCEEDED, ended.problem
    assert ended.plan is not None
    assert first_of(LeftOut, ended.plan.findings) == LeftOut(("web3",))
    back = ["before-host", "checkout-back", "host-health", "after-host"]
    assert done_at(ten, "web1")[4:] == done_at(ten, "web2")[4:] == back
    assert done_at(ten, "web3") == list(AROUND[:3])
    assert done_at(ten, "web4") == []


async def test_an_unknown_outcome_stops_as_well(ten: SmallWorld) -> None:
    ten.hosts.at["checkout", "web2"] = Unknown(problem(Reason.STILL_RUNNING))
    held = await stopped(ten)
    assert held.state is RunState.NEEDS_HUMAN
    assert done_at(ten, "web3") == list(AROUND)
    assert done_at(ten, "web4") == []
    assert legal_decisions(held) == (Decision.CLOSE,)


ADDED = did((EffectKind.COLUMN_ADDED, "users.fax"), brings=(FAX,), name=PENDING)
DROPPED = did((EffectKind.COLUMN_DROPPED, "users.fax"), takes=(FAX,), name=PENDING)
CHANGED = did((EffectKind.COLUMN_CHANGED, "users.fax"), takes=(FAX,), name=PENDING)


@pytest.mark.parametrize(
    ("found", "order"),
    [
        (ADDED, ["migrate", "before-host", "switch", "after-host"]),
        (DROPPED, ["before-host", "switch", "after-host", "migrate"]),
        (CHANGED, ["maintenance-on", "switch", "migrate", "maintenance-off"]),
    ],
)
async def test_migrations_run_once_where_the_evidence_allows_it(
    tmp_path: Path, found: tuple[Finding, ...], order: list[str]
) -> None:
    releases = Releases("/srv/compte")
    policy = replace(POLICY, backup_before={})
    target = replace(TARGET, hosts=hosts(3), policy=policy, rollout=HOOKS, layout=releases, path=releases.live)
    async with small_world(tmp_path, target, "laravel") as world:
        world.hosts.script["rehearse"] = Done({FINDINGS: findings_to_text(found)})
        run = await world.submit()
        waiting = await world.until(run, RunState.AWAITING_APPROVAL, *DONE)
        assert waiting.state is RunState.AWAITING_APPROVAL, waiting.problem
        world.people.said |= {"U0BOB": APPROVE, "U0EVE": APPROVE}
        ended = await world.until(run, *DONE)
        assert ended.state is RunState.SUCCEEDED, ended.problem
        assert ended.plan is not None
        assert (ended.plan.batches is None) is (found is CHANGED)
        assert (first_of(AllAtOnce, ended.plan.findings) is not None) is (found is CHANGED)
        assert world.hosts.starts("migrate") == 1
        assert world.hosts.starts("switch") == 3
        keys = [key for key, _, _ in world.hosts.ledger]
        firsts = [len(keys) - 1 - keys[::-1].index(key) if key == "after-host" else keys.index(key) for key in order]
        assert firsts == sorted(firsts), keys
        if found is not CHANGED:
            assert not {"maintenance-on", "maintenance-off"} & set(keys)
        else:
            assert not set(AROUND) & set(keys)


async def canary_done(world: SmallWorld, run: str) -> None:
    async def there() -> bool:
        world.engine.wake(run)
        return progress(await world.run(run)).get("web1") is HostProgress.DONE

    await eventually(there, 10)


async def test_a_pause_is_neither_lost_nor_begun_again_when_the_bot_dies(four: SmallWorld) -> None:
    run = await four.submit()
    await four.until(run, RunState.AWAITING_APPROVAL)
    four.people.said["U0BOB"] = APPROVE
    await canary_done(four, run)
    four.clock.pass_by(seconds=50)
    await four.engine.drain()
    engine = four.new_engine()
    await engine.start()
    engine.wake(run)
    assert done_at(four, "web2") == []
    four.clock.pass_by(seconds=9)
    engine.wake(run)
    assert (await four.run(run)).state is RunState.RUNNING
    assert done_at(four, "web2") == []
    for place in hosts(4)[1:]:
        four.clock.pass_by(seconds=60)

        async def there(place: str = place) -> bool:
            engine.wake(run)
            return progress(await four.run(run))[place] is HostProgress.DONE

        await eventually(there, 10)
    assert (await four.until(run, *DONE)).state is RunState.SUCCEEDED


async def test_who_cancels_in_a_pause_decides_about_the_hosts(four: SmallWorld) -> None:
    run = await four.submit()
    await four.until(run, RunState.AWAITING_APPROVAL)
    four.people.said["U0BOB"] = APPROVE
    await canary_done(four, run)
    await four.engine.cancel(run, "U0AMELIE")
    held = await four.until(run, *DONE)
    assert held.state is RunState.NEEDS_HUMAN
    assert held.problem is not None
    assert held.problem.reason is Reason.CANCELLED
    assert legal_decisions(held) == (Decision.GO_ON, Decision.ROLL_BACK, Decision.CLOSE)
    assert done_at(four, "web2") == []


async def test_who_cancels_in_the_middle_of_a_host_decides_about_the_hosts(ten: SmallWorld) -> None:
    ten.hosts.blocked["host-health"] = asyncio.Event()
    run = await ten.submit()
    await ten.until(run, RunState.AWAITING_APPROVAL)
    ten.people.said["U0BOB"] = APPROVE

    async def asked() -> bool:
        ten.engine.wake(run)
        return any(
            row.place == "web1" and row.state is StepState.RUNNING for row in (await ten.run(run)).rows("host-health")
        )

    await eventually(asked, 10)
    await ten.engine.cancel(run, "U0AMELIE")
    held = await ten.until(run, *DONE)
    assert held.state is RunState.NEEDS_HUMAN
    assert progress(held)["web1"] is HostProgress.STOPPED
    assert done_at(ten, "web2") == []
    assert "after-host" not in done_at(ten, "web1")
    assert legal_decisions(held) == (Decision.RETRY, Decision.GO_ON, Decision.ROLL_BACK, Decision.CLOSE)
    closed = await ten.engine.decide(held.id, Decision.CLOSE, BOB)
    assert closed.state is RunState.CANCELLED


async def test_it_may_die_at_any_point_between_the_hosts(tmp_path: Path, quiet: None) -> None:  # noqa: F811
    target = of(3, replace(HOOKS, batch=2, canary="web1"))

    async def lived(folder: Path, deaths: Deaths) -> None:
        hosts_there = Hosts(at={("host-health", "web3"): BAD})
        world, held = await live(folder, deaths, target, RECIPE, hosts_there)
        assert held.state is RunState.NEEDS_HUMAN, held.problem
        starts = Counter((key, place) for key, place, _ in world.hosts.ledger)
        assert set(starts.values()) == {1}, starts
        assert done_at(world, "web1") == done_at(world, "web2") == list(AROUND)
        assert done_at(world, "web3") == list(AROUND[:3])
        assert progress(held)["web3"] is HostProgress.STOPPED

    whole = Deaths()
    await lived(tmp_path / "whole", whole)
    first = whole.names.index("start before-host") + 1
    for point in range(first, whole.passed + 1, 3):
        await lived(tmp_path / str(point), Deaths(point))
