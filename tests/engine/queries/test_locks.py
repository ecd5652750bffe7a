"""Locks: what they refuse, what they let through, and who may set them and take them off."""

from dataclasses import replace

import pytest

from bot.domain.errors import Reason, RefusedError
from bot.domain.policies.lock import LockNews
from bot.domain.policies.people import People
from bot.domain.runs.request import Action, Decision, DeployOptions, RequestOptions, ResumeOptions
from bot.domain.runs.run import RunState
from bot.engine.jobs.lock_reminders import LockReminders
from tests.engine.support.world import APPROVE, SECRET, SmallWorld
from tests.support.examples import NAME, NOON, PLAIN, POLICY, REQUEST

CHANGES = {"maintenance-on", "checkout", "migrate"}


@pytest.mark.parametrize(
    ("options", "held"),
    [
        (PLAIN[Action.DEPLOY], True),
        (PLAIN[Action.ROLLBACK], True),
        (PLAIN[Action.RESTORE], True),
        (PLAIN[Action.BACKUP], False),
        (PLAIN[Action.MIGRATE_STATUS], False),
        (DeployOptions("main", dry_run=True), False),
        (ResumeOptions(Action.DEPLOY, "R-7K3F9Q", Decision.RETRY), True),
    ],
)
async def test_what_a_lock_holds_up(world: SmallWorld, options: RequestOptions, held: bool) -> None:
    lock = await world.engine.lock_service.lock(NAME, "inventory", "U0AMELIE")
    assert lock.blocks(replace(REQUEST, options=options)) is held


async def test_a_locked_target_refuses_with_who_since_when_and_why(world: SmallWorld) -> None:
    refusing = await world.engine.lock_service.lock(NAME, f"inventory, {SECRET.reveal()}", "U0BOB")
    with pytest.raises(RefusedError) as refused:
        await world.submit()
    assert refused.value.problem.reason is Reason.LOCKED
    assert refused.value.problem.facts == {
        "app": NAME.app,
        "environment": NAME.environment,
        "by": "U0BOB",
        "since": NOON.isoformat(),
        "why": "inventory, ***",
    }
    assert await world.store.runs.recent(1) == ()
    assert await world.engine.lock_service.unlock(refusing, "U0AMELIE", "C0OPS")
    await world.until(await world.submit(), RunState.AWAITING_APPROVAL)


async def test_a_lock_that_came_while_approval_was_awaited_stops_before_the_first_change(world: SmallWorld) -> None:
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    await world.engine.lock_service.lock(NAME, "inventory", "U0BOB")
    world.people.said["U0BOB"] = APPROVE
    stopped = await world.until(run, RunState.FAILED)
    assert stopped.problem is not None
    assert stopped.problem.reason is Reason.LOCKED
    assert stopped.problem.facts["why"] == "inventory"
    assert not CHANGES & {key for key, _, _ in world.hosts.ledger}
    assert "gate_void" in await world.events(run)


async def test_the_first_lock_stays(world: SmallWorld) -> None:
    first = await world.engine.lock_service.lock(NAME, "inventory", "U0BOB")
    assert await world.engine.lock_service.lock(NAME, "something else", "U0AMELIE") == first
    assert await world.engine.lock_service.lock_to_take_off(NAME, "U0AMELIE") == first
    assert await world.engine.lock_service.unlock(first, "U0AMELIE", "C0OPS")
    assert not await world.engine.lock_service.unlock(first, "U0AMELIE", "C0OPS")
    assert await world.engine.lock_service.lock_to_take_off(NAME, "U0AMELIE") is None


@pytest.mark.parametrize(
    ("user", "reason"), [("U0AMELIE", Reason.NOT_ALLOWED), ("U0STRANGER", Reason.MEMBERSHIP_UNKNOWN)]
)
async def test_who_may_not_deploy_may_neither_lock_nor_unlock(world: SmallWorld, user: str, reason: Reason) -> None:
    people = People(("releasers",), frozenset({"U0BOB", "U0STRANGER"}))
    world.target = replace(world.target, policy=replace(POLICY, run={Action.DEPLOY: people}))
    engine = world.new_engine()
    stands = await engine.lock_service.lock(NAME, "inventory", "U0BOB")
    with pytest.raises(RefusedError) as locking:
        await engine.lock_service.lock(NAME, "mine", user)
    with pytest.raises(RefusedError) as unlocking:
        await engine.lock_service.unlock(stands, user, "C0OPS")
    with pytest.raises(RefusedError):
        await engine.lock_service.lock_to_take_off(NAME, user)
    assert locking.value.problem.reason is reason
    assert unlocking.value.problem.reason is reason
    assert await world.store.locks.on_target(NAME) == stands


async def test_what_somebody_may_is_judged_by_the_policy_of_each_target(world: SmallWorld) -> None:
    groups = People(("oncall",), groups=frozenset({"S0RELEASE", "S0GONE"}))
    policy = replace(POLICY, run={Action.DEPLOY: People(("bob",), frozenset({"U0BOB"})), Action.ROLLBACK: groups})
    world.target = replace(world.target, policy=policy)
    engine = world.new_engine()
    bob, eve = await engine.lock_service.allowed((NAME,), "U0BOB"), await engine.lock_service.allowed((NAME,), "U0EVE")
    assert bob.targets == {Action.DEPLOY: (NAME,)}
    assert dict(bob.approves) == {"deploy": (NAME,)}
    assert bob.uncertain
    assert eve.targets == {Action.ROLLBACK: (NAME,)}
    assert not eve.uncertain


async def test_exceptions_are_only_for_who_may_change_something_where_the_policy_knows_them(world: SmallWorld) -> None:
    bob = People(("bob",), frozenset({"U0BOB"}))
    known = replace(POLICY, approve={**POLICY.approve, "override": POLICY.approve["deploy"]}, emergency=bob)
    for policy, user, flags in (
        (POLICY, "U0BOB", set()),
        (known, "U0BOB", {"--during-freeze", "--emergency"}),
        (known, "U0AMELIE", {"--during-freeze"}),
        (replace(known, run={Action.BACKUP: bob}), "U0BOB", set()),
    ):
        world.target = replace(world.target, policy=policy)
        assert (await world.new_engine().lock_service.allowed((NAME,), user)).exceptions == flags


async def test_an_overview_tells_of_a_run_without_asking_a_host(world: SmallWorld) -> None:
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    asked = len(world.sight.asked)
    [here] = await world.engine.lock_service.overviews((NAME,))
    assert [found.id for found in here.unfinished] == [run]
    assert len(world.sight.asked) == asked


async def test_the_owner_of_a_lock_is_asked_once_a_day_by_one_process_alone(world: SmallWorld) -> None:
    lock = await world.engine.lock_service.lock(NAME, "inventory", "U0BOB")

    async def tick() -> list[tuple[LockNews, str, str]]:
        # Two processes on one store, each started anew every hour.
        for _ in range(2):
            await LockReminders(world.store.locks, world.store.lock_notices, world.clock, {NAME: world.target}).tick()
        return [(notice.news, notice.lock.owner, notice.channel) for notice in await world.store.lock_notices.waiting()]

    for _ in range(23):
        world.clock.pass_by(hours=1)
        assert await tick() == []
    for _ in range(48):
        world.clock.pass_by(hours=1)
        asked = await tick()
    assert asked == [(LockNews.STANDS, "U0BOB", "C0OPS")] * 2
    await world.engine.lock_service.unlock(lock, "U0BOB", "C0OPS")
    world.clock.pass_by(days=2)
    assert len(await tick()) == 2
