"""A deploy that was approved to begin at a time: what it waits for, what stops it, and what it does when it is time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.config.values import parse_week_time
from bot.domain.errors import Reason, RefusedError
from bot.domain.policies.freeze import Freeze, WeeklyPeriod
from bot.domain.policies.lock import Lock
from bot.domain.policies.people import NOBODY
from bot.domain.policies.policy import BackupBefore
from bot.domain.runs.approval import GateState
from bot.domain.runs.request import Action, DeployOptions
from bot.domain.runs.run import ENDS, Run, RunState
from bot.domain.runs.start_time import read_time
from tests.engine.support.world import APPROVE, REJECT, SmallWorld, small_world
from tests.support.examples import NAME, NOON, POLICY, TARGET
from tests.support.polling import eventually

AT_14 = DeployOptions("main", at=read_time("14:00 UTC"))
"""NOON is a Monday."""


async def waiting(world: SmallWorld, options: DeployOptions = AT_14, event: str = "Ev1") -> Run:
    """Ask for a deploy at a time, and approve it now."""
    run = await world.submit(event, options=options)
    await world.until(run, RunState.AWAITING_APPROVAL)
    world.people.said["U0BOB"] = APPROVE
    return await world.until(run, RunState.QUEUED)


def pass_by(world: SmallWorld, **span: float) -> None:
    """Let time pass, which the drivers notice."""
    world.clock.pass_by(**span)
    for run in world.engine.supervisor.driven:
        world.engine.wake(run)


def started(world: SmallWorld) -> bool:
    return bool({"maintenance-on", "checkout", "migrate"} & {key for key, _, _ in world.hosts.ledger})


async def restarted(world: SmallWorld, **policy: object) -> None:
    world.target = replace(world.target, policy=replace(world.target.policy, **policy))
    await world.engine.drain()
    await world.new_engine().start()


async def test_it_is_approved_now_and_begins_then(world: SmallWorld) -> None:
    run = await waiting(world)
    assert run.request.start is not None
    assert run.request.start.at == NOON + timedelta(hours=2)
    assert run.change_started_at is None
    assert run.gate is not None
    assert run.gate.state is GateState.APPROVED
    pass_by(world, hours=1, minutes=59)  # `expires` ended the asking, and this is long after it
    asked = world.people.asked
    await eventually(lambda: world.people.asked > asked, 10)
    assert (await world.run(run.id)).state is RunState.QUEUED
    assert not started(world)
    pass_by(world, minutes=1)
    ended = await world.until(run.id, *ENDS)
    assert ended.state is RunState.SUCCEEDED
    assert ended.change_started_at == NOON + timedelta(hours=2)
    events = await world.events(run.id)
    assert events.index("gate_approved") < events.index("time_reached") < events.index("run_succeeded")


async def test_without_a_gate_it_waits_as_well(tmp_path: Path) -> None:
    target = replace(TARGET, policy=replace(POLICY, approve={}))
    async with small_world(tmp_path, target) as world:
        run = await world.submit(options=AT_14)
        await world.until(run, RunState.QUEUED)
        queued = await eventually(lambda: _with_gate(world, run), 10)
        assert queued.waits_for_time
        pass_by(world, hours=2)
        assert (await world.until(run, *ENDS)).state is RunState.SUCCEEDED


async def _with_gate(world: SmallWorld, run: str) -> Run | None:
    found = await world.run(run)
    return found if found.gate is not None and found.state is RunState.QUEUED else None


async def test_approved_within_the_lateness_it_begins_at_once(world: SmallWorld) -> None:
    run = await world.submit(options=DeployOptions("main", at=read_time("12:10 UTC")))
    await world.until(run, RunState.AWAITING_APPROVAL)
    pass_by(world, minutes=20)
    world.people.said["U0BOB"] = APPROVE
    assert (await world.until(run, *ENDS)).state is RunState.SUCCEEDED


async def test_the_asking_ends_with_the_window_where_that_is_sooner(world: SmallWorld) -> None:
    world.target = replace(world.target, windows=(_period("Mon 12:00", "Mon 12:10"),))
    world.new_engine()
    run = await world.submit(options=DeployOptions("main", at=read_time("next-window")))
    asked = await world.until(run, RunState.AWAITING_APPROVAL)
    assert asked.gate is not None
    assert asked.gate.expires_at == NOON + timedelta(minutes=10)
    pass_by(world, minutes=11)
    assert (await world.until(run, *ENDS)).state is RunState.EXPIRED


def _period(start: str, end: str) -> WeeklyPeriod:
    return WeeklyPeriod(parse_week_time(start), parse_week_time(end), "UTC")


# ── what stops it ───────────────────────────────────────────────────────────────────────────────────


async def test_a_rejection_while_it_waits_ends_it_then(world: SmallWorld) -> None:
    run = await waiting(world)
    world.people.said["U0EVE"] = REJECT
    ended = await world.until(run.id, *ENDS)
    assert ended.state is RunState.REJECTED
    assert not started(world)


async def test_an_approval_that_is_taken_back_while_it_waits_ends_it_then(world: SmallWorld) -> None:
    run = await waiting(world)
    world.people.said.clear()
    ended = await world.until(run.id, *ENDS)
    assert ended.state is RunState.FAILED
    assert ended.problem is not None
    assert ended.problem.facts["withdrawn"] == "yes"
    assert world.clock.now() == NOON


async def test_one_that_was_taken_back_while_the_bot_was_down_counts_at_the_start(world: SmallWorld) -> None:
    run = await waiting(world)
    await world.engine.drain()
    world.people.said.clear()
    await world.new_engine().start()
    assert (await world.until(run.id, *ENDS)).state is RunState.FAILED


async def test_who_cannot_be_looked_up_stops_nothing_before_the_time(world: SmallWorld) -> None:
    world.people.said["U0EVE"] = APPROVE  # by the user group
    run = await world.submit(options=AT_14)
    await eventually(lambda: _with_gate(world, run), 10)
    groups, world.people.groups = world.people.groups, {}
    asked = world.people.asked
    world.engine.wake(run)
    await eventually(lambda: world.people.asked > asked, 10)
    world.engine.wake(run)
    await eventually(lambda: world.people.asked > asked + 1, 10)
    assert (await world.run(run)).state is RunState.QUEUED
    world.people.groups = groups
    pass_by(world, hours=2)
    assert (await world.until(run, *ENDS)).state is RunState.SUCCEEDED


async def test_it_can_be_cancelled_while_it_waits(world: SmallWorld) -> None:
    run = await waiting(world)
    await world.engine.cancel(run.id, "U0AMELIE")
    ended = await world.until(run.id, *ENDS)
    assert ended.state is RunState.CANCELLED
    pass_by(world, hours=2)
    assert not started(world)


Meanwhile = Callable[[SmallWorld], object]


def _moved(world: SmallWorld) -> None:
    world.sight.moves("web1", head="f" * 40)


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        (lambda world: restarted(world, run={Action.DEPLOY: NOBODY}), Reason.NOT_ALLOWED),
        (
            lambda world: restarted(
                world,
                freezes=(Freeze(parse_week_time("Mon 13:00"), parse_week_time("Mon 15:00"), "UTC", "sale"),),
            ),
            Reason.FROZEN,
        ),
        (lambda world: world.store.locks.lock(Lock(NAME, "U0BOB", "sale", NOON)), Reason.LOCKED),
        (_moved, Reason.MOVED),
    ],
    ids=["policy", "freeze", "lock", "basis"],
)
async def test_everything_is_judged_again_when_it_is_time(
    world: SmallWorld, meanwhile: Meanwhile, reason: Reason
) -> None:
    run = await waiting(world)
    done = meanwhile(world)
    if done is not None:
        await done  # type: ignore[misc]
    pass_by(world, hours=2)
    ended = await world.until(run.id, *ENDS)
    assert ended.state is RunState.FAILED
    assert ended.problem is not None
    assert ended.problem.reason is reason
    assert not started(world)


async def test_one_whose_time_passed_while_the_bot_was_down_expires(world: SmallWorld) -> None:
    run = await waiting(world)
    await world.engine.drain()
    world.clock.pass_by(hours=3)
    await world.new_engine().start()
    ended = await world.until(run.id, *ENDS)
    assert ended.state is RunState.EXPIRED
    assert ended.problem is not None
    assert ended.problem.reason is Reason.START_MISSED
    assert "busy" not in ended.problem.facts
    assert not started(world)


async def test_a_bot_that_is_back_soon_enough_begins_it(world: SmallWorld) -> None:
    run = await waiting(world)
    await world.engine.drain()
    world.clock.pass_by(hours=2, minutes=20)
    await world.new_engine().start()
    assert (await world.until(run.id, *ENDS)).state is RunState.SUCCEEDED


async def test_a_bot_that_died_between_its_start_and_its_first_change_does_not_begin_long_after(
    world: SmallWorld,
) -> None:
    run = await waiting(world)
    await world.engine.drain()
    world.clock.pass_by(hours=2)
    lease = await world.store.leases.claim(run.id, "bot", timedelta(seconds=15))
    assert lease is not None
    assert await world.store.leases.admit(lease, world.clock.now())
    assert (await world.run(run.id)).state is RunState.RUNNING
    await world.store.leases.release(lease)
    world.clock.pass_by(hours=1)
    await world.new_engine().start()
    ended = await world.until(run.id, *ENDS)
    assert ended.problem is not None
    assert ended.problem.reason is Reason.START_MISSED
    assert not started(world)


# ── others on the target ────────────────────────────────────────────────────────────────────────────


async def test_others_go_on_while_it_waits_and_what_they_changed_stops_it(world: SmallWorld) -> None:
    run = await waiting(world)
    other = await world.submit("Ev2")
    assert (await world.until(other, *ENDS)).state is RunState.SUCCEEDED
    world.deployed()
    pass_by(world, hours=2)
    ended = await world.until(run.id, *ENDS)
    assert ended.problem is not None
    assert ended.problem.reason is Reason.MOVED


async def test_it_stands_in_nobodys_way_and_is_counted_in_no_queue(world: SmallWorld) -> None:
    run = await waiting(world)
    blocked = world.hosts.blocked.setdefault("maintenance-on", asyncio.Event())
    other = await world.submit("Ev2")
    await world.until(other, RunState.RUNNING)
    third = await world.submit("Ev3")
    assert (await world.run(third)).place_in_queue == 1
    assert (await world.run(run.id)).place_in_queue == 0
    blocked.set()
    await world.until(third, *ENDS)
    assert (await world.run(run.id)).state is RunState.QUEUED


async def test_a_target_that_is_busy_at_the_time_lets_it_expire_and_says_so(world: SmallWorld) -> None:
    run = await waiting(world)
    pass_by(world, hours=1, minutes=50)
    blocked = world.hosts.blocked.setdefault("maintenance-on", asyncio.Event())
    other = await world.submit("Ev2", options=DeployOptions("main"))
    await world.until(other, RunState.RUNNING)
    pass_by(world, minutes=20)
    await eventually(lambda: _waited(world, run.id), 10)
    pass_by(world, minutes=30)
    ended = await world.until(run.id, *ENDS)
    assert ended.state is RunState.EXPIRED
    assert ended.problem is not None
    assert ended.problem.facts["busy"] == "yes"
    blocked.set()
    await world.until(other, *ENDS)


async def _waited(world: SmallWorld, run: str) -> bool:
    return (await world.run(run)).waited


# ── what is asked ───────────────────────────────────────────────────────────────────────────────────


async def test_the_zone_is_the_persons_then_that_of_the_windows_then_utc(world: SmallWorld) -> None:
    plain = DeployOptions("main", at=read_time("23:00"))
    world.people.zones["U0AMELIE"] = "Europe/Paris"
    found = await world.run(await world.submit(options=plain))
    assert found.request.start is not None
    assert found.request.start.shown == "23:00 Europe/Paris"
    world.people.zones.clear()
    found = await world.run(await world.submit("Ev2", options=plain))
    assert found.request.start is not None
    assert found.request.start.shown == "23:00 UTC"
    world.target = replace(world.target, windows=(replace(_period("Tue 20:00", "Tue 22:00"), timezone="Asia/Tokyo"),))
    await restarted(world)
    found = await world.run(await world.submit("Ev3", options=plain))
    assert found.request.start is not None
    assert found.request.start.shown == "23:00 Asia/Tokyo"


async def test_a_time_in_a_freeze_is_refused_at_once_and_one_behind_a_freeze_is_not(world: SmallWorld) -> None:
    frozen = Freeze(parse_week_time("Mon 11:00"), parse_week_time("Mon 13:00"), "UTC", "sale")
    await restarted(world, freezes=(frozen,))
    with pytest.raises(RefusedError) as refused:
        await world.submit("Ev1", options=DeployOptions("main", at=read_time("12:30 UTC")))
    assert refused.value.problem.reason is Reason.FROZEN
    assert refused.value.problem.facts["at"] == "2026-11-16T12:30:00+00:00"
    run = await world.submit("Ev2", options=AT_14)
    await world.until(run, RunState.AWAITING_APPROVAL)


async def test_without_windows_there_is_no_next_one(world: SmallWorld) -> None:
    with pytest.raises(RefusedError) as refused:
        await world.submit(options=DeployOptions("main", at=read_time("next-window")))
    assert refused.value.problem.reason is Reason.NO_WINDOW


@pytest.fixture
async def careful(tmp_path: Path) -> AsyncIterator[SmallWorld]:
    target = replace(TARGET, policy=replace(POLICY, backup_before={Action.DEPLOY: BackupBefore.ALWAYS}))
    async with small_world(tmp_path, target) as made:
        yield made


async def test_the_backup_is_made_when_it_is_time(careful: SmallWorld) -> None:
    run = await waiting(careful)
    assert careful.hosts.starts("backup") == 0
    pass_by(careful, hours=2)
    await careful.until(run.id, *ENDS)
    order = [key for key, _, _ in careful.hosts.ledger]
    assert order.index("backup") < order.index("checkout")
