"""Freezes and their override, emergencies and their countersignature, and reminders of what is not answered."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.policies.freeze import Freeze, WeekTime
from bot.domain.policies.people import People
from bot.domain.policies.policy import OVERRIDE, Policy, Requirement
from bot.domain.runs.approval import GateState
from bot.domain.runs.request import NO_EXCEPTIONS, Action, Decision, DeployOptions, Origin, PolicyExceptions
from bot.domain.runs.request_json import options_from_json
from bot.domain.runs.run import Run, RunState
from bot.engine.ports import Failed
from tests.engine.support.world import APPROVE, REJECT, SmallWorld
from tests.engine.test_runs import CHANGES, ENDS
from tests.support.examples import NAME, POLICY, REQUEST
from tests.support.polling import eventually

ALWAYS = Freeze(WeekTime(0), WeekTime(7 * 24 * 60 - 1), "UTC", "inventory")  # all of the week but a minute
LEADS = People(("leads",), frozenset({"U0EVE"}))
ONCALL = People(("oncall",), frozenset({"U0AMELIE"}))


def under(world: SmallWorld, **rules: object) -> None:
    world.target = replace(world.target, policy=replace(POLICY, **rules))
    world.new_engine()


def override(count: int = 1) -> dict[str, Requirement]:
    needs = Requirement(count, LEADS, timedelta(minutes=30), allow_requester=False)
    return {**POLICY.approve, OVERRIDE: needs}


async def asked(world: SmallWorld, **options: str) -> str:
    return await world.submit(options=options_from_json(Action.DEPLOY, {"ref": "main", **options}))


def changed(world: SmallWorld) -> bool:
    return bool(CHANGES & {key for key, _, _ in world.hosts.ledger})


# ── freezes ──


async def test_a_freeze_refuses_with_why_and_until_when(world: SmallWorld) -> None:
    under(world, freezes=(ALWAYS,))
    with pytest.raises(RefusedError) as refusal:
        await asked(world)
    found = refusal.value.problem
    assert found.reason is Reason.FROZEN
    assert found.facts["why"] == "inventory"
    assert found.facts["until"] == "2026-11-22T23:59:00+00:00"
    assert await world.store.runs.recent(1) == ()
    await world.until(await asked(world, dry_run="yes"), RunState.SUCCEEDED)


async def test_without_an_override_a_freeze_makes_no_exception(world: SmallWorld) -> None:
    under(world, freezes=(ALWAYS,))
    with pytest.raises(RefusedError) as refusal:
        await asked(world, **{"during_freeze": "the shop is down"})
    assert refusal.value.problem.reason is Reason.NO_OVERRIDE
    assert refusal.value.problem.facts["why"] == "inventory"


async def test_a_change_during_a_freeze_needs_the_override_and_nothing_less(world: SmallWorld) -> None:
    under(world, freezes=(ALWAYS,), approve=override())
    run = await asked(world, **{"during_freeze": "the shop is down"})
    await world.until(run, RunState.AWAITING_APPROVAL)
    world.people.said["U0BOB"] = APPROVE  # would do on an ordinary day
    waiting = await eventually(lambda: voted(world, run), 30)
    assert waiting.state is RunState.AWAITING_APPROVAL
    assert [vote.counts for vote in waiting.votes] == [False]
    assert not changed(world)
    world.people.said["U0EVE"] = APPROVE
    assert (await world.until(run, *ENDS)).state is RunState.SUCCEEDED


async def voted(world: SmallWorld, run: str) -> Run | None:
    world.engine.wake(run)
    found = await world.run(run)
    return found if found.votes else None


def test_what_drops_data_during_a_freeze_needs_both() -> None:
    dbas = replace(POLICY.approve["deploy"], eligible=People(("dbas",), frozenset({"U0BOB"})))
    both = {**override(), "destructive-migration": dbas}
    policy = replace(POLICY, freezes=(ALWAYS,), approve=both)
    request = replace(REQUEST, options=DeployOptions("main", exceptions=PolicyExceptions(during_freeze="now")))
    needs = policy.gate(request, destructive=True)
    assert needs.also == both["destructive-migration"]
    assert needs.people.users == {"U0EVE", "U0BOB"}
    assert policy.gate(request, destructive=False) == both[OVERRIDE]


async def test_a_freeze_that_came_while_a_run_waited_in_line_asks_nobody(world: SmallWorld) -> None:
    first = await world.submit("Ev1")
    await world.until(first, RunState.AWAITING_APPROVAL)
    second = await world.submit("Ev2")
    under_way = world.engine
    await under_way.drain()
    under(world, freezes=(ALWAYS,))
    await world.engine.start()
    await world.engine.cancel(first, "U0AMELIE")
    ended = await world.until(second, *ENDS)
    assert ended.state is RunState.FAILED
    assert ended.problem is not None
    assert ended.problem.reason is Reason.FROZEN
    assert ended.gate is None


# ── waiting ──


async def test_reminders_are_claimed_once_each_also_over_a_crash_and_then_it_expires(world: SmallWorld) -> None:
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    seen = set()
    for minutes in range(1, 30):
        world.clock.pass_by(minutes=1)
        if minutes % 7 == 0:
            await world.engine.drain()
            await world.new_engine().start()
        await eventually(lambda: looked(world, run), 30)
        gate = (await world.run(run)).gate
        assert gate is not None
        if gate.reminded_at is not None:
            seen.add(gate.reminded_at - gate.opened_at)
    assert seen == {timedelta(minutes=15), timedelta(minutes=27)}
    assert (await world.events(run)).count("gate_reminded") == 2
    world.clock.pass_by(minutes=1)
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.EXPIRED
    assert ended.gate is not None
    assert ended.gate.state is GateState.EXPIRED


async def looked(world: SmallWorld, run: str) -> bool:
    """Wait until the gate has read the reactions once more."""
    before = world.people.asked
    world.engine.wake(run)
    await eventually(lambda: world.people.asked > before, 30)
    return True


async def test_who_waited_in_line_is_known_when_it_is_their_turn(world: SmallWorld) -> None:
    first = await world.submit("Ev1")
    await world.until(first, RunState.AWAITING_APPROVAL)
    second = await world.submit("Ev2")
    await eventually(lambda: _waited(world, second), 30)
    assert not (await world.run(first)).waited
    world.sight.moves("web1", sha="3" * 40)
    await world.engine.cancel(first, "U0AMELIE")
    asking = await world.until(second, RunState.AWAITING_APPROVAL)
    assert asking.waited
    assert asking.plan is not None
    assert str(asking.plan.sha) == "3" * 40, "planned from what is there now, not from when it was asked for"


async def _waited(world: SmallWorld, run: str) -> bool:
    return (await world.run(run)).waited


# ── emergencies ──


async def test_without_the_policys_leave_there_is_no_emergency(world: SmallWorld) -> None:
    with pytest.raises(RefusedError) as refusal:
        await asked(world, **{"emergency": "fire"})
    assert refusal.value.problem.reason is Reason.NO_EMERGENCY
    under(world, emergency=ONCALL)
    with pytest.raises(RefusedError) as refusal:
        await world.submit(user="U0BOB", options=DeployOptions("main", exceptions=PolicyExceptions(emergency="fire")))
    assert refusal.value.problem.reason is Reason.NOT_ALLOWED
    assert await world.store.runs.recent(1) == ()


async def emergency(world: SmallWorld, **rules: object) -> str:
    under(world, emergency=ONCALL, **rules)
    return await asked(world, **{"emergency": "fire, fire"})


async def test_an_emergency_runs_at_once_also_in_a_freeze_and_is_owed(world: SmallWorld) -> None:
    run = await emergency(world, freezes=(ALWAYS,))
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.SUCCEEDED
    assert ended.gate is not None
    assert ended.gate.owed
    assert await world.store.runs.awaiting_late_approval() == (run,)
    [here] = await world.engine.lock_service.overviews((NAME,))
    assert [owed.id for owed in here.owed] == [run]
    broken = [record.entry for record in await world.store.history.of_run(run) if record.entry.event == "glass_broken"]
    assert [(entry.actor, entry.facts["why"]) for entry in broken] == [("U0AMELIE", "fire, fire")]


async def test_a_lock_holds_an_emergency_up(world: SmallWorld) -> None:
    under(world, emergency=ONCALL)
    await world.engine.lock_service.lock(NAME, "inventory", "U0BOB")
    with pytest.raises(RefusedError) as refusal:
        await asked(world, **{"emergency": "fire"})
    assert refusal.value.problem.reason is Reason.LOCKED


@pytest.mark.parametrize(
    ("user", "said", "state", "event"),
    [
        ("U0BOB", APPROVE, GateState.APPROVED, "countersigned"),
        ("U0BOB", REJECT, GateState.REJECTED, "countersign_refused"),
        ("U0AMELIE", APPROVE, GateState.OPEN, "vote_ignored"),
        ("U0AMELIE", REJECT, GateState.OPEN, "glass_broken"),
        ("U0MALLORY", APPROVE, GateState.OPEN, "vote_ignored"),
    ],
)
async def test_somebody_else_countersigns_it_afterwards(
    world: SmallWorld, user: str, said: frozenset, state: GateState, event: str
) -> None:
    run = await emergency(world)
    ended = await world.until(run, *ENDS)
    world.people.said[user] = said
    await settled(world, run)
    gate = (await world.run(run)).gate
    assert gate is not None
    assert gate.state is state
    assert event in await world.events(run)
    assert (run in await world.store.runs.awaiting_late_approval()) is (state is GateState.OPEN)
    assert (await world.run(run)).state is ended.state


async def settled(world: SmallWorld, run: str) -> None:
    """Let the engine look after what is owed once."""
    world.engine.wake(run)
    await eventually(lambda: not world.engine.supervisor.driven, 30)
    await world.engine.supervisor.sweep()


async def test_it_is_asked_about_until_it_is_countersigned_each_time_once(world: SmallWorld) -> None:
    run = await emergency(world)
    await world.until(run, *ENDS)
    for _ in range(50):
        world.clock.pass_by(hours=1)
        await settled(world, run)
        await settled(world, run)
    told = (await world.events(run)).count("countersign_missing")
    assert told == 6  # after 1, 4, 12, 23, 24 and 48 hours
    world.people.said["U0EVE"] = APPROVE
    await settled(world, run)
    world.clock.pass_by(days=3)
    await settled(world, run)
    assert (await world.events(run)).count("countersign_missing") == told


async def test_an_emergency_that_changed_nothing_owes_nothing(world: SmallWorld) -> None:
    under(world, emergency=ONCALL)
    world.hosts.at_start = lambda key: world.sight.moves("web1", head="5" * 40) if key == "rehearse" else None
    run = await asked(world, **{"emergency": "fire"})
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.FAILED
    assert ended.gate is not None
    assert ended.gate.state is GateState.VOID
    assert await world.store.runs.awaiting_late_approval() == ()
    assert not changed(world)


async def stopped_emergency(world: SmallWorld, **rules: object) -> str:
    """An emergency that stopped half-way, with the site in maintenance."""
    world.hosts.script["migrate"] = Failed(problem(Reason.EXIT_STATUS), 1)
    run = await emergency(world, **rules)
    assert (await world.until(run, *ENDS)).state is RunState.NEEDS_HUMAN
    del world.hosts.script["migrate"]
    world.sight.moves("web1", head="2" * 40, maintenance=True)
    return run


async def test_what_stopped_in_an_emergency_does_not_go_on_as_one(world: SmallWorld) -> None:
    run = await stopped_emergency(world)
    after = await world.engine.decide(run, Decision.RETRY, Origin("U0AMELIE", "C0OPS", "Ev-decision"))
    waiting = await world.until(after.id, RunState.AWAITING_APPROVAL)
    assert waiting.request.exceptions == NO_EXCEPTIONS
    assert waiting.request.typed == f"retry {run}"


async def test_a_decision_is_an_emergency_with_a_reason_of_its_own(world: SmallWorld) -> None:
    run = await stopped_emergency(world)
    reason = PolicyExceptions(emergency="it still burns")
    after = await world.engine.decide(run, Decision.RETRY, Origin("U0AMELIE", "C0OPS", "Ev-decision"), reason)
    ended = await world.until(after.id, RunState.SUCCEEDED)
    assert ended.request.emergency == "it still burns"
    assert ended.request.typed == f"retry {run} --emergency it still burns"


async def test_who_may_declare_no_emergency_decides_none(world: SmallWorld) -> None:
    run = await stopped_emergency(world)
    reason = PolicyExceptions(emergency="it still burns")
    with pytest.raises(RefusedError) as refusal:
        await world.engine.decide(run, Decision.RETRY, Origin("U0BOB", "C0OPS", "Ev-decision"), reason)
    assert refusal.value.problem.reason is Reason.NOT_ALLOWED
    assert (await world.run(run)).state is RunState.NEEDS_HUMAN


async def test_a_decision_about_a_run_that_waits_passes_a_freeze_and_a_lock(world: SmallWorld) -> None:
    run = await stopped_emergency(world, freezes=(ALWAYS,))
    await world.engine.lock_service.lock(NAME, "inventory", "U0BOB")
    after = await world.engine.decide(run, Decision.LIFT, Origin("U0AMELIE", "C0OPS", "Ev-decision"))
    await world.until(after.id, RunState.AWAITING_APPROVAL)
    world.people.said["U0EVE"] = APPROVE
    assert (await world.until(after.id, *ENDS)).state is RunState.SUCCEEDED


async def cancelled_decision(world: SmallWorld) -> tuple[str, Run]:
    """A decision that was cancelled at its gate, and the run that it was about, which had stopped in an emergency."""
    run = await stopped_emergency(world)
    after = await world.engine.decide(run, Decision.LIFT, Origin("U0AMELIE", "C0OPS", "Ev-decision"))
    await world.until(after.id, RunState.AWAITING_APPROVAL)
    await world.engine.cancel(after.id, "U0AMELIE")
    return run, await world.until(after.id, RunState.CANCELLED)


@pytest.mark.parametrize("hold", ["freeze", "lock"])
async def test_a_decision_that_is_made_again_about_a_closed_run_is_judged_like_typing(
    world: SmallWorld, hold: str
) -> None:
    run, ended = await cancelled_decision(world)
    await world.engine.drain()
    under(world, emergency=ONCALL, freezes=(ALWAYS,) if hold == "freeze" else ())
    if hold == "lock":
        await world.engine.lock_service.lock(NAME, "inventory", "U0BOB")
    expected = Reason.FROZEN if hold == "freeze" else Reason.LOCKED
    with pytest.raises(RefusedError) as refusal:
        await world.engine.decide(run, Decision.LIFT, Origin("U0AMELIE", "C0OPS", "Ev-again"))
    assert refusal.value.problem.reason is expected
    with pytest.raises(RefusedError) as refusal:
        await world.submit("Ev-retry", options=ended.request.options)
    assert refusal.value.problem.reason is expected


async def test_a_decision_that_is_made_again_can_be_an_exception_from_a_freeze(world: SmallWorld) -> None:
    run, _ = await cancelled_decision(world)
    await world.engine.drain()
    under(world, freezes=(ALWAYS,), approve=override())
    reason = PolicyExceptions(during_freeze="the shop is down")
    after = await world.engine.decide(run, Decision.LIFT, Origin("U0AMELIE", "C0OPS", "Ev-again"), reason)
    waiting = await world.until(after.id, RunState.AWAITING_APPROVAL)
    assert waiting.gate is not None
    assert waiting.gate.requirement.people == LEADS


async def test_a_decision_that_is_made_again_is_judged_again_before_its_first_change(world: SmallWorld) -> None:
    run, _ = await cancelled_decision(world)
    after = await world.engine.decide(run, Decision.LIFT, Origin("U0AMELIE", "C0OPS", "Ev-again"))
    await world.until(after.id, RunState.AWAITING_APPROVAL)
    await world.engine.lock_service.lock(NAME, "inventory", "U0BOB")
    world.people.said["U0EVE"] = APPROVE
    ended = await world.until(after.id, *ENDS)
    assert ended.problem is not None
    assert ended.problem.reason is Reason.LOCKED
    assert world.hosts.starts("maintenance-off") == 0


def test_a_policy_that_asks_nobody_still_has_an_emergency_countersigned() -> None:
    policy = Policy("p", emergency=ONCALL)
    needs = policy.afterwards(REQUEST, destructive=False)
    assert (needs.count, needs.eligible, needs.allow_requester) == (1, ONCALL, False)
