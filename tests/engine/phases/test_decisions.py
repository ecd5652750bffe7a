"""After a run stopped half-way: only the legal moves, each a run of its own with its own gate."""

from dataclasses import replace
from typing import Any, NoReturn

import pytest

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.policies.people import ANYONE, NOBODY, People
from bot.domain.runs.aftermath import MigrationProgress, aftermath_of
from bot.domain.runs.decisions import legal_decisions, steps_left
from bot.domain.runs.request import Action, Decision, Origin
from bot.domain.runs.run import Run, RunState, StepState
from bot.engine.ports import Failed, Unknown
from tests.engine.support.world import APPROVE, SmallWorld
from tests.engine.test_runs import ENDS
from tests.support import eventually
from tests.support.examples import DATABASE, NEXT, POLICY

BOB = Origin("U0BOB", "C0OPS", "Ev-decision")
NAMED = (("engineers", "U0AMELIE"), ("releasers", "U0BOB"), ("oncall", "U0EVE"))
GATED = ("deploy", "rollback", "restore")


async def stopped(world: SmallWorld, key: str = "migrate") -> Run:
    world.hosts.script[key] = Failed(problem(Reason.EXIT_STATUS), 1)
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    world.people.said["U0BOB"] = APPROVE
    held = await world.until(run, *ENDS)
    assert held.state is RunState.NEEDS_HUMAN
    del world.hosts.script[key]
    world.people.said.clear()
    world.sight.moves("web1", head=NEXT, maintenance=True)
    return held


@pytest.mark.parametrize(
    ("decision", "starts"),
    [
        (Decision.RETRY, {"migrate": 2, "route-cache": 1, "maintenance-off": 1, "checkout": 1, "maintenance-on": 1}),
        (Decision.MARK_DONE, {"migrate": 1, "route-cache": 1, "maintenance-off": 1, "checkout": 1}),
        (Decision.LIFT, {"migrate": 1, "route-cache": 0, "maintenance-off": 1}),
    ],
)
async def test_a_decision_is_a_run_with_its_own_gate(
    world: SmallWorld, decision: Decision, starts: dict[str, int]
) -> None:
    held = await stopped(world)
    after = await world.engine.decide(held.id, decision, BOB)
    assert (await world.run(held.id)).state is RunState.CANCELLED
    waiting = await world.until(after.id, RunState.AWAITING_APPROVAL)
    assert waiting.gate is not None
    assert held.gate is not None
    assert waiting.gate.digest != held.gate.digest
    assert world.hosts.starts("maintenance-off") == 0
    world.people.said["U0EVE"] = APPROVE
    ended = await world.until(after.id, *ENDS)
    assert ended.state is RunState.SUCCEEDED, ended.problem
    assert {key: world.hosts.starts(key) for key in starts} == starts


async def test_who_decided_does_not_countersign_it(world: SmallWorld) -> None:
    held = await stopped(world)
    after = await world.engine.decide(held.id, Decision.RETRY, BOB)
    await world.until(after.id, RunState.AWAITING_APPROVAL)
    world.people.said["U0BOB"] = APPROVE
    world.engine.wake(after.id)
    assert (await world.until(after.id, RunState.AWAITING_APPROVAL)).state is RunState.AWAITING_APPROVAL
    assert world.hosts.starts("maintenance-off") == 0


async def test_a_retry_that_fails_asks_again_and_undoes_nothing(world: SmallWorld) -> None:
    held = await stopped(world)
    world.hosts.script["route-cache"] = Failed(problem(Reason.EXIT_STATUS), 1)
    after = await world.engine.decide(held.id, Decision.RETRY, BOB)
    await world.until(after.id, RunState.AWAITING_APPROVAL)
    world.people.said["U0EVE"] = APPROVE
    again = await world.until(after.id, *ENDS)
    assert again.state is RunState.NEEDS_HUMAN
    assert world.hosts.starts("maintenance-off") == 0
    assert Decision.RETRY in legal_decisions(again)


async def test_a_migration_that_ran_meanwhile_is_not_run_again(world: SmallWorld) -> None:
    held = await stopped(world)
    names = (*DATABASE.ran, replace(DATABASE.ran[0], name="2025_11_16_074003_add_token_id"))
    world.sight.facts = replace(DATABASE, ran=names)
    after = await world.engine.decide(held.id, Decision.RETRY, BOB)
    waiting = await world.until(after.id, RunState.AWAITING_APPROVAL)
    assert waiting.plan is not None
    assert waiting.plan.pending == ()


async def test_a_decision_is_made_once(world: SmallWorld) -> None:
    held = await stopped(world)
    await world.engine.decide(held.id, Decision.LIFT, BOB)
    with pytest.raises(RefusedError) as refusal:
        await world.engine.decide(held.id, Decision.RETRY, replace(BOB, event="Ev-later"))
    assert refusal.value.problem.reason is Reason.DECISION_NOT_LEGAL


async def test_closing_frees_the_target(world: SmallWorld) -> None:
    held = await stopped(world)
    closed = await world.engine.decide(held.id, Decision.CLOSE, BOB)
    assert closed.state is RunState.CANCELLED
    following = await world.submit("Ev-next")
    assert (await world.until(following, RunState.AWAITING_APPROVAL)).place_in_queue == 0


async def test_a_step_that_may_still_run_is_never_started_again(world: SmallWorld) -> None:
    held = await stopped(world)
    rows = tuple(
        replace(row, state=StepState.UNKNOWN, problem=problem(Reason.STILL_RUNNING)) if row.key == "migrate" else row
        for row in held.steps
    )
    assert legal_decisions(replace(held, steps=rows)) == (Decision.MARK_DONE, Decision.LIFT, Decision.CLOSE)


async def test_a_run_that_waits_for_nobody_has_no_moves(world: SmallWorld) -> None:
    held = await stopped(world)
    for state in RunState:
        if state is not RunState.NEEDS_HUMAN:
            assert legal_decisions(replace(held, state=state)) == ()


async def test_maintenance_that_the_run_did_not_begin_is_not_lifted(world: SmallWorld) -> None:
    held = await stopped(world)
    rows = tuple(replace(r, state=StepState.SKIPPED) if r.key == "maintenance-on" else r for r in held.steps)
    without = replace(held, steps=rows)
    assert Decision.LIFT not in legal_decisions(without)
    assert "maintenance-off" not in {step.key for step in steps_left(without, Decision.RETRY)}


async def test_an_unknown_outcome_can_be_decided(world: SmallWorld) -> None:
    world.hosts.script["checkout"] = Unknown(problem(Reason.OUTCOME_UNKNOWN))
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    world.people.said["U0BOB"] = APPROVE
    held = await world.until(run, *ENDS)
    assert held.state is RunState.NEEDS_HUMAN
    assert set(legal_decisions(held)) >= {Decision.RETRY, Decision.MARK_DONE, Decision.CLOSE}


async def test_what_a_run_left_is_seen_as_soon_as_the_database_answers(
    world: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engine.phases.aftermath._RETRY_SECONDS", 0.05)
    monkeypatch.setattr("bot.engine.supervisor.SWEEP_SECONDS", 0.05)
    held = await stopped(world)
    asked: list[str] = []

    async def away(table: str | None) -> NoReturn:
        asked.append(table or "")
        raise RefusedError(problem(Reason.DATABASE_UNREACHABLE))

    there, world.sight.database = world.sight.database, away  # type: ignore[method-assign]  # the database goes and comes
    before = len(asked)
    await world.engine.start()
    await eventually(lambda: len(asked) > before + 1, 10)
    assert "aftermath" not in (await world.run(held.id)).facts
    world.sight.database = there  # type: ignore[method-assign]  # as above

    async def seen() -> bool:
        return "aftermath" in (await world.run(held.id)).facts

    await eventually(seen, 10)
    found = await world.run(held.id)
    assert found.state is RunState.NEEDS_HUMAN
    assert found.facts["live"] == NEXT
    [fate] = aftermath_of(found.facts) or ()
    assert fate.progress is MigrationProgress.UNKNOWN


ENGINEER, RELEASER, ONCALL = (People((name,), frozenset({user})) for name, user in NAMED)


@pytest.mark.parametrize(
    ("policy", "may"),
    [
        # By default: who may ask for the command, who may approve it, and who is trusted with emergencies.
        ({"run": {Action.DEPLOY: ENGINEER}, "emergency": ONCALL}, {"U0AMELIE", "U0BOB", "U0EVE"}),
        ({"run": {Action.DEPLOY: ENGINEER}}, {"U0AMELIE", "U0BOB"}),
        ({"run": {Action.DEPLOY: NOBODY}}, {"U0BOB"}),
        # A list of its own is the rule, for who asked too.
        ({"run": {Action.DEPLOY: ENGINEER}, "decide": ONCALL}, {"U0EVE"}),
        ({"run": {Action.DEPLOY: ENGINEER}, "decide": ENGINEER}, {"U0AMELIE"}),
    ],
)
@pytest.mark.parametrize("decision", [Decision.LIFT, Decision.CLOSE])
async def test_who_may_decide_is_judged_at_the_press_by_the_policy_of_then(
    world: SmallWorld, decision: Decision, policy: dict[str, Any], may: set[str]
) -> None:
    held = await stopped(world)
    world.people.groups = {"S0RELEASE": frozenset()}  # whom the gate of the run asked besides
    gate = replace(POLICY.approve["deploy"], eligible=RELEASER)
    world.target = replace(world.target, policy=replace(POLICY, approve={"deploy": gate}, **policy))
    engine = world.new_engine()
    assert engine.deciders(held).users == may
    assert {run: people.users for run, people in (await engine.status_service.dashboard()).deciders.items()} == {
        held.id: engine.deciders(held).users
    }
    for user in ({user for _, user in NAMED} - may) | {"U0STRANGER"}:
        with pytest.raises(RefusedError) as refusal:
            await engine.decide(held.id, decision, Origin(user, "C0OPS", f"Ev-{user}"))
        assert refusal.value.problem.reason is Reason.NOT_ALLOWED
    await engine.decide(held.id, decision, Origin(min(may), "C0OPS", "Ev-may"))
    assert (await world.run(held.id)).state is RunState.CANCELLED


@pytest.mark.parametrize("decision", [Decision.ROLL_BACK, Decision.RESTORE])
def test_no_decision_lets_somebody_go_back_whom_the_policy_does_not(decision: Decision) -> None:
    anyone = replace(POLICY, run={Action.DEPLOY: ANYONE, Action.ROLLBACK: RELEASER, Action.RESTORE: RELEASER})
    gated = replace(anyone, approve={key: replace(POLICY.approve["deploy"], eligible=RELEASER) for key in GATED})
    assert all(not people.anyone for people in gated.who_may_choose(decision, Action.DEPLOY, None))
    assert gated.who_may_choose(Decision.RETRY, Action.DEPLOY, None)[0].anyone
    own = replace(gated, decide=ONCALL)
    assert own.who_may_choose(decision, Action.DEPLOY, None) == (ONCALL,)
