"""What the App Home is made of: what was seen, what is remembered, and what of it concerns one person."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.policies.freeze import ActiveFreeze, Freeze, WeekTime, end_of_freezes
from bot.domain.policies.people import People
from bot.domain.runs.request import Action
from bot.domain.runs.run import RunState
from bot.domain.targets.dashboard import Viewer
from bot.domain.targets.look import DatabaseFacts, HostFacts, HostQuestion
from bot.domain.targets.snapshot import TargetState
from tests.engine.support.world import APPROVE, SmallWorld
from tests.support.examples import HEAD, NAME, NEXT, NOON, POLICY

MINUTE = timedelta(minutes=1)
PENDING = "2025_11_16_074003_add_token_id"


def viewer(user: str) -> Viewer:
    return Viewer(user, "", NOON)


async def test_what_was_seen_is_kept_and_looked_at_again_only_when_it_is_old(world: SmallWorld) -> None:
    assert (await world.engine.status_service.dashboard()).snapshots == {}
    await world.engine.status_service.refresh((NAME,), MINUTE)
    snapshot = (await world.engine.status_service.dashboard()).snapshots[NAME]
    assert snapshot.at == NOON
    assert snapshot.seen == TargetState((HEAD,), (), (PENDING,), ())
    looks = len(world.sight.asked)
    await world.engine.status_service.refresh((NAME,), MINUTE)
    assert len(world.sight.asked) == looks
    world.clock.pass_by(minutes=2)
    world.sight.moves("web1", maintenance=True)
    await world.engine.status_service.refresh((NAME,), MINUTE)
    again = (await world.engine.status_service.dashboard()).snapshots[NAME]
    assert again.seen is not None
    assert again.seen.maintenance == ("web1",)


async def test_what_a_run_has_changed_since_is_looked_at_again_however_lately_it_was(world: SmallWorld) -> None:
    await world.engine.status_service.refresh((NAME,), MINUTE)
    world.clock.pass_by(seconds=1)
    world.people.said["U0BOB"] = APPROVE
    await world.until(await world.submit(), RunState.SUCCEEDED)
    world.clock.pass_by(seconds=1)
    await world.engine.status_service.refresh((NAME,), MINUTE)
    dashboard = await world.engine.status_service.dashboard()
    assert dashboard.snapshots[NAME].holds(dashboard.overviews[0])


async def test_two_who_look_at_once_share_one_look(world: SmallWorld) -> None:
    await asyncio.gather(*(world.engine.status_service.refresh((NAME,), MINUTE) for _ in range(5)))
    once = len(world.sight.asked)
    world.clock.pass_by(minutes=2)
    await world.engine.status_service.refresh((NAME,), MINUTE)
    assert len(world.sight.asked) == 2 * once


async def test_a_target_that_cannot_be_read_says_why_and_holds_up_nobody(world: SmallWorld) -> None:
    async def unreachable(name: str, question: HostQuestion) -> HostFacts:
        raise RefusedError(problem(Reason.HOST_UNREACHABLE, host=name))

    world.sight.host = unreachable
    await world.engine.status_service.refresh((NAME,), MINUTE)
    snapshot = (await world.engine.status_service.dashboard()).snapshots[NAME]
    assert snapshot.seen is None
    assert snapshot.problem == problem(Reason.HOST_UNREACHABLE, host="web1")


async def test_a_look_that_breaks_inside_is_told_as_one_that_failed(world: SmallWorld) -> None:
    async def broken(table: str | None) -> DatabaseFacts:
        raise RuntimeError("no")

    world.sight.database = broken
    await world.engine.status_service.refresh((NAME,), MINUTE)
    assert (await world.engine.status_service.dashboard()).snapshots[NAME].problem == problem(Reason.INTERNAL)


async def test_a_target_without_migrations_is_looked_at_too(world: SmallWorld) -> None:
    world.target = replace(world.target, database=None)
    engine = world.new_engine()
    await engine.status_service.refresh((NAME,), MINUTE)
    assert (await engine.status_service.dashboard()).snapshots[NAME].seen == TargetState((HEAD,), (), None, ())


async def test_what_was_seen_before_a_run_changed_it_says_nothing_any_more(world: SmallWorld) -> None:
    await world.engine.status_service.refresh((NAME,), MINUTE)
    world.clock.pass_by(minutes=5)
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    dashboard = await world.engine.status_service.dashboard()
    assert dashboard.snapshots[NAME].holds(dashboard.overviews[0])
    world.people.said["U0BOB"] = APPROVE
    await world.until(run, RunState.SUCCEEDED, RunState.FAILED)
    dashboard = await world.engine.status_service.dashboard()
    assert not dashboard.snapshots[NAME].holds(dashboard.overviews[0])
    assert NEXT != HEAD


async def test_a_gate_waits_for_who_may_approve_and_for_nobody_else(world: SmallWorld) -> None:
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    dashboard = await world.engine.status_service.dashboard()
    bob = await world.engine.status_service.home_view(dashboard, viewer("U0BOB"))
    amelie = await world.engine.status_service.home_view(dashboard, viewer("U0AMELIE"))
    assert [found.id for found in bob.needed] == [run]
    assert bob.going == ()
    assert amelie.needed == ()
    assert [found.id for found in amelie.going] == [run]
    assert [found.id for found in amelie.recent] == [run]
    assert "U0BOB" in await world.engine.status_service.waited_for(dashboard)
    assert "U0AMELIE" not in await world.engine.status_service.waited_for(dashboard)


async def test_who_may_do_nothing_on_a_target_sees_nothing_of_it(world: SmallWorld) -> None:
    world.target = replace(world.target, policy=replace(POLICY, run={}))
    engine = world.new_engine()
    dashboard = await engine.status_service.dashboard()
    assert [found.target for found in dashboard.overviews] == [NAME]
    stranger = await engine.status_service.home_view(dashboard, viewer("U0AMELIE"))
    assert (stranger.dashboard.overviews, stranger.recent, dict(stranger.may)) == ((), (), {})
    approver = await engine.status_service.home_view(dashboard, viewer("U0BOB"))
    assert [found.target for found in approver.dashboard.overviews] == [NAME]


async def test_who_may_only_read_as_everybody_may_sees_nothing_of_it(world: SmallWorld) -> None:
    bob, everybody = People(("bob",), frozenset({"U0BOB"})), People(("anyone",), anyone=True)
    for run, seen in (
        ({Action.MIGRATE_STATUS: everybody}, ()),
        ({Action.MIGRATE_STATUS: People(("bob",), frozenset({"U0AMELIE"}))}, (NAME,)),
        ({Action.MIGRATE_STATUS: everybody, Action.DEPLOY: bob}, ()),
        ({Action.MIGRATE_STATUS: everybody, Action.BACKUP: everybody}, (NAME,)),
    ):
        world.target = replace(world.target, policy=replace(POLICY, run=run))
        engine = world.new_engine()
        home_view = await engine.status_service.home_view(await engine.status_service.dashboard(), viewer("U0AMELIE"))
        assert tuple(found.target for found in home_view.dashboard.overviews) == seen


async def test_what_one_may_ask_for_and_a_freeze_are_part_of_it(world: SmallWorld) -> None:
    always = Freeze(WeekTime(0), WeekTime(7 * 24 * 60 - 1), "UTC", "no releases")
    world.target = replace(world.target, policy=replace(POLICY, freezes=(always,)))
    engine = world.new_engine()
    home_view = await engine.status_service.home_view(await engine.status_service.dashboard(), viewer("U0AMELIE"))
    assert home_view.may == {Action.DEPLOY: (NAME,)}
    assert home_view.dashboard.freezes == {NAME: ActiveFreeze("no releases", end_of_freezes((always,), NOON))}


async def test_the_step_that_runs_has_its_past(world: SmallWorld) -> None:
    world.hosts.blocked["migrate"] = asyncio.Event()
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    world.people.said["U0BOB"] = APPROVE
    await world.until(run, RunState.RUNNING)
    assert run in (await world.engine.status_service.dashboard()).usual
    world.hosts.blocked["migrate"].set()
    await world.until(run, RunState.SUCCEEDED, RunState.FAILED)
