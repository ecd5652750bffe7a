"""What becomes of a run: the way of DESIGN.md, from request to report."""

import asyncio
from dataclasses import replace

import pytest

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.policies.people import NOBODY
from bot.domain.policies.policy import Policy
from bot.domain.runs.approval import GateState
from bot.domain.runs.history import first_break
from bot.domain.runs.journal_layout import STRETCH
from bot.domain.runs.request import Action, DeployOptions
from bot.domain.runs.run import ENDS as ENDED
from bot.domain.runs.run import NOT_READ, Run, RunState, StepState, Vote
from bot.domain.targets.target import Emoji
from bot.engine.ports import Effect, Failed, Job, NotStarted, Occasion, Outcome, Output, Unknown
from tests.engine.support.world import APPROVE, REJECT, SmallWorld
from tests.support.examples import DATABASE, POLICY
from tests.support.polling import eventually

ENDS = (*ENDED, RunState.NEEDS_HUMAN)
CHANGES = {"maintenance-on", "checkout", "migrate", "config-cache", "maintenance-off"}


async def test_nothing_changes_before_the_gate_and_everything_runs_once_behind_it(world: SmallWorld) -> None:
    run = await world.submit()
    waiting = await world.until(run, RunState.AWAITING_APPROVAL)
    assert [key for key, _, _ in world.hosts.ledger] == [
        *("preflight", "app-runs", "fetch"),
        *("artisan-works", "backup", "backup-proof", "rehearse"),
    ]
    assert waiting.gate is not None
    assert waiting.plan is not None
    assert "backup" in {finding.kind for finding in waiting.plan.findings}
    world.people.said["U0BOB"] = APPROVE
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.SUCCEEDED
    assert {row.state for row in ended.steps} == {StepState.DONE}
    keys = [key for key, _, _ in world.hosts.ledger]
    assert len(keys) == len(set(keys))
    assert keys.index("maintenance-on") < keys.index("checkout") < keys.index("migrate") < keys.index("maintenance-off")
    history = await world.store.history.all()
    assert first_break(history) is None
    approved = next(record.entry for record in history if record.entry.event == "gate_approved")
    assert approved.facts == {"plan": waiting.gate.digest, "by": "U0BOB"}


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"U0AMELIE": APPROVE}, RunState.AWAITING_APPROVAL),
        ({"U0MALLORY": APPROVE}, RunState.AWAITING_APPROVAL),
        ({"U0BOB": APPROVE, "U0EVE": REJECT}, RunState.REJECTED),
        ({"U0AMELIE": REJECT}, RunState.REJECTED),
        ({"U0EVE": APPROVE}, RunState.SUCCEEDED),
    ],
)
async def test_only_the_right_people_open_the_gate(
    world: SmallWorld, said: dict[str, frozenset], state: RunState
) -> None:
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    world.people.said.update(said)
    if state is RunState.AWAITING_APPROVAL:
        voted = await eventually(lambda: _votes(world, run), 5)
        assert [vote.counts for vote in voted] == [False]
        assert (await world.run(run)).state is state
    else:
        await world.until(run, state)
    if state is not RunState.SUCCEEDED:
        assert not CHANGES & {key for key, _, _ in world.hosts.ledger}


async def _votes(world: SmallWorld, run: str) -> tuple[Vote, ...] | None:
    world.engine.wake(run)
    return (await world.run(run)).votes or None


async def test_a_group_is_looked_up_at_the_decision(world: SmallWorld) -> None:
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    del world.people.groups["S0RELEASE"]
    world.people.said["U0EVE"] = APPROVE
    votes = await eventually(lambda: _votes(world, run), 5)
    assert [(vote.counts, vote.reason) for vote in votes] == [(False, "lookup_failed")]


async def test_a_withdrawn_reaction_withdraws_the_vote(world: SmallWorld) -> None:
    world.target = replace(world.target, policy=_two_must_approve())
    world.new_engine()
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    world.people.said["U0BOB"] = APPROVE
    await eventually(lambda: _votes(world, run), 5)
    del world.people.said["U0BOB"]
    world.people.said["U0EVE"] = APPROVE
    await eventually(lambda: _withdrawn(world, run), 5)
    assert (await world.run(run)).state is RunState.AWAITING_APPROVAL


async def _withdrawn(world: SmallWorld, run: str) -> bool:
    world.engine.wake(run)
    return "vote_withdrawn" in await world.events(run)


def _two_must_approve() -> Policy:
    return replace(POLICY, approve={"deploy": replace(POLICY.approve["deploy"], count=2)})


async def test_a_vote_that_is_gone_just_before_the_first_change_stops_it(world: SmallWorld) -> None:
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    asked = 0
    real = world.people.reactions

    async def then_gone(found: Run, occasion: Occasion) -> dict[str, frozenset[Emoji]]:
        # The decision reads once; just before the change it is read again.
        nonlocal asked
        asked += 1
        return {"U0BOB": APPROVE} if asked == 1 else await real(found, occasion)

    world.people.reactions = then_gone
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.FAILED
    assert ended.gate is not None
    assert ended.gate.state is GateState.VOID
    assert not CHANGES & {key for key, _, _ in world.hosts.ledger}


async def test_slack_that_does_not_answer_decides_nothing(world: SmallWorld) -> None:
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    world.people.away = True
    world.people.said["U0BOB"] = APPROVE
    world.engine.wake(run)
    await asyncio.sleep(0.1)
    assert (await world.run(run)).state is RunState.AWAITING_APPROVAL
    world.people.away = False
    await world.until(run, RunState.SUCCEEDED)


async def test_a_gate_that_nobody_answers_expires(world: SmallWorld) -> None:
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    world.clock.pass_by(minutes=31)
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.EXPIRED


@pytest.mark.parametrize(
    "change", [{"head": "5" * 40}, {"dirty": ("app/x.php",)}, {"maintenance": True}, {"sha": "6" * 40}]
)
async def test_an_approval_is_void_when_the_world_has_moved(world: SmallWorld, change: dict[str, object]) -> None:
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    world.sight.moves("web1", **change)
    world.people.said["U0BOB"] = APPROVE
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.FAILED
    assert ended.gate is not None
    assert ended.gate.state is GateState.VOID
    assert not CHANGES & {key for key, _, _ in world.hosts.ledger}


async def test_migrations_are_read_again_just_before_they_run(world: SmallWorld) -> None:
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)

    def somebody_migrates(key: str) -> None:
        if key == "checkout":
            names = (*DATABASE.ran, replace(DATABASE.ran[0], name="2025_11_16_074003_add_token_id"))
            world.sight.facts = replace(DATABASE, ran=names)

    world.hosts.at_start = somebody_migrates
    world.people.said["U0BOB"] = APPROVE
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.FAILED
    assert ended.problem is not None
    assert ended.problem.reason is Reason.MOVED
    assert world.hosts.starts("migrate") == 0
    assert world.hosts.starts("maintenance-off") == 1


async def test_a_policy_without_approval_opens_the_gate_and_says_so(world: SmallWorld) -> None:
    world.target = replace(world.target, policy=replace(POLICY, approve={}))
    world.new_engine()
    run = await world.submit()
    assert (await world.until(run, *ENDS)).state is RunState.SUCCEEDED
    assert "gate_waived" in await world.events(run)


async def test_nothing_to_do_asks_nobody(world: SmallWorld) -> None:
    world.deployed()
    names = (*DATABASE.ran, replace(DATABASE.ran[0], name="2025_11_16_074003_add_token_id"))
    world.sight.facts = replace(DATABASE, ran=names)
    run = await world.submit()
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.SUCCEEDED
    assert ended.nothing_to_do
    assert ended.gate is None


async def test_a_dry_run_plans_and_ends(world: SmallWorld) -> None:
    run = await world.submit(options=DeployOptions("main", dry_run=True))
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.SUCCEEDED
    assert ended.plan is not None
    assert world.hosts.starts("backup") == 0
    assert not CHANGES & {key for key, _, _ in world.hosts.ledger}


async def test_a_failed_change_lifts_maintenance_again(world: SmallWorld) -> None:
    world.hosts.script["config-cache"] = Failed(problem(Reason.EXIT_STATUS), 1)
    ended = await _approved(world)
    assert ended.state is RunState.FAILED
    assert ended.problem is not None
    assert ended.problem.facts["step"] == "config-cache"
    assert world.hosts.starts("maintenance-off") == 1
    assert world.hosts.starts("route-cache") == 0
    assert ended.rows("route-cache")[0].state is StepState.SKIPPED


async def test_maintenance_that_this_run_did_not_start_is_not_lifted(world: SmallWorld) -> None:
    world.hosts.script["maintenance-on"] = Failed(problem(Reason.EXIT_STATUS), 1)
    ended = await _approved(world)
    assert ended.state is RunState.FAILED
    assert world.hosts.starts("maintenance-off") == 0


@pytest.mark.parametrize("outcome", [Failed(problem(Reason.EXIT_STATUS), 1), Unknown(problem(Reason.OUTCOME_UNKNOWN))])
async def test_after_a_migration_that_failed_or_is_unknown_the_site_stays_down(
    world: SmallWorld, outcome: Failed | Unknown
) -> None:
    world.hosts.script["migrate"] = outcome
    ended = await _approved(world)
    assert ended.state is RunState.NEEDS_HUMAN
    assert world.hosts.starts("maintenance-off") == 0
    assert world.hosts.starts("migrate") == 1


@pytest.mark.parametrize(
    ("effect", "state", "run_state"),
    [
        (Effect.TOOK, StepState.DONE, RunState.SUCCEEDED),
        (Effect.DID_NOT, StepState.FAILED, RunState.FAILED),
        (Effect.CANNOT_TELL, StepState.UNKNOWN, RunState.NEEDS_HUMAN),
    ],
)
async def test_what_cannot_be_known_is_asked_of_the_steps_check_then_of_a_person(
    world: SmallWorld, effect: Effect, state: StepState, run_state: RunState
) -> None:
    world.hosts.script["checkout"] = Unknown(problem(Reason.OUTCOME_UNKNOWN))
    world.hosts.effects["checkout"] = effect
    ended = await _approved(world)
    assert ended.rows("checkout")[0].state is state
    assert ended.state is run_state
    assert world.hosts.starts("checkout") == 1


async def test_only_steps_that_read_are_repeated_by_themselves(world: SmallWorld) -> None:
    world.hosts.script["app-runs"] = Unknown(problem(Reason.OUTCOME_UNKNOWN))
    run = await world.submit()
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.FAILED
    assert world.hosts.starts("app-runs") == 3


async def test_what_may_still_run_is_not_started_beside_itself(world: SmallWorld) -> None:
    world.hosts.script["app-runs"] = Unknown(problem(Reason.STILL_RUNNING))
    run = await world.submit()
    assert (await world.until(run, *ENDS)).state is RunState.FAILED
    assert world.hosts.starts("app-runs") == 1


async def test_a_step_that_certainly_never_ran_is_tried_again_under_a_new_identity(world: SmallWorld) -> None:
    world.hosts.script["checkout"] = NotStarted(problem(Reason.NEVER_STARTED))
    await _approved(world)
    assert [attempt for key, _, attempt in world.hosts.ledger if key == "checkout"] == [1, 2, 3]


async def test_every_check_of_verify_is_made_though_one_failed(world: SmallWorld) -> None:
    world.hosts.script["health"] = Failed(problem(Reason.TIMED_OUT))
    ended = await _approved(world)
    assert ended.state is RunState.FAILED
    assert world.hosts.starts("log-clean") == 1


async def test_what_the_bot_reads_itself_is_read_at_once_and_the_log_after_it(world: SmallWorld) -> None:
    run, go_on = await _stuck_in(world, "nothing-pending")
    await eventually(lambda: world.hosts.starts("health") == 1)
    assert world.hosts.starts("log-clean") == 0
    go_on.set()
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.SUCCEEDED
    assert world.hosts.starts("log-clean") == 1


async def test_what_a_check_could_not_read_is_neither_passed_nor_failed(world: SmallWorld) -> None:
    world.hosts.script["log-clean"] = Failed(problem(Reason.EXIT_STATUS), NOT_READ)
    ended = await _approved(world)
    assert ended.state is RunState.SUCCEEDED
    assert {row.state for row in ended.rows("log-clean")} == {StepState.SKIPPED}


async def test_a_change_that_ends_with_that_status_failed(world: SmallWorld) -> None:
    world.hosts.script["checkout"] = Failed(problem(Reason.EXIT_STATUS), NOT_READ)
    assert (await _approved(world)).state is RunState.FAILED


async def test_a_backup_that_failed_ends_the_run_before_its_gate(world: SmallWorld) -> None:
    world.hosts.script["backup"] = Failed(problem(Reason.BACKUP_IMPOSSIBLE, stage="dump"))
    run = await world.submit()
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.FAILED
    assert ended.gate is None


async def test_runs_on_one_target_go_one_at_a_time(world: SmallWorld) -> None:
    first = await world.submit("Ev1")
    await world.until(first, RunState.AWAITING_APPROVAL)
    second, third = await world.submit("Ev2"), await world.submit("Ev3")
    assert (await world.run(second)).place_in_queue == 1
    assert (await world.run(third)).place_in_queue == 2
    world.people.said["U0BOB"] = APPROVE
    for run in (first, second, third):
        assert (await world.until(run, *ENDS)).state is RunState.SUCCEEDED


async def test_the_same_event_makes_one_run(world: SmallWorld) -> None:
    assert await world.submit("Ev1") == await world.submit("Ev1")


async def test_somebody_who_may_not_starts_no_run(world: SmallWorld) -> None:
    world.target = replace(world.target, policy=replace(POLICY, run={Action.DEPLOY: NOBODY}))
    world.new_engine()
    with pytest.raises(RefusedError) as refusal:
        await world.submit()
    assert refusal.value.problem.reason is Reason.NOT_ALLOWED
    assert await world.store.runs.recent(10) == ()


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.AWAITING_APPROVAL])
async def test_cancelling_before_the_change_ends_the_run(world: SmallWorld, state: RunState) -> None:
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    if state is RunState.QUEUED:
        run = await world.submit("Ev2")
    await world.engine.cancel(run, "U0AMELIE")
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.CANCELLED
    assert ended.cancelled_by == "U0AMELIE"
    assert not CHANGES & {key for key, _, _ in world.hosts.ledger}


async def test_cancelling_a_change_ends_its_process_group_and_lifts_maintenance(world: SmallWorld) -> None:
    run, _ = await _stuck_in(world, "config-cache")
    await world.engine.cancel(run, "U0AMELIE")
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.CANCELLED
    assert "config-cache" in world.hosts.ended
    assert "maintenance-off" not in world.hosts.ended
    assert ended.rows("maintenance-off")[0].state is StepState.DONE


async def test_cancelling_a_migration_leaves_it_to_a_person(world: SmallWorld) -> None:
    run, _ = await _stuck_in(world, "migrate")
    await world.engine.cancel(run, "U0AMELIE")
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.NEEDS_HUMAN
    assert world.hosts.starts("maintenance-off") == 0
    await world.engine.cancel(run, "U0BOB")
    assert (await world.until(run, RunState.CANCELLED)).problem is not None


@pytest.mark.parametrize(("key", "state"), [("fetch", RunState.FAILED), ("migrate", RunState.NEEDS_HUMAN)])
async def test_a_run_that_cannot_be_driven_on_is_not_tried_for_ever(
    world: SmallWorld, key: str, state: RunState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engine.supervisor.SWEEP_SECONDS", 0.05)
    await world.engine.start()

    def fails(started: str) -> None:
        if started == key:
            raise ZeroDivisionError

    world.hosts.at_start = fails
    world.people.said["U0BOB"] = APPROVE
    real = world.hosts.resume

    async def resume(job: Job, output: Output) -> Outcome:
        fails(job.step.key)
        return await real(job, output)

    monkeypatch.setattr(world.hosts, "resume", resume)
    run = await world.submit()
    ended = await world.until(run, *ENDS)
    assert ended.state is state
    assert ended.problem is not None
    assert ended.problem.reason is Reason.INTERNAL
    assert world.hosts.starts(key) == 1


async def test_the_intent_is_committed_before_a_host_is_asked(
    world: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: dict[str, bool] = {}
    real = world.hosts.perform

    async def perform(job: Job, output: Output) -> Outcome:
        run = await world.run(job.run)
        [row] = run.rows(job.step.key)
        given = {key for head in run.steps for key in head.facts.get(STRETCH, "").split()}
        known[job.step.key] = row.state is StepState.RUNNING or job.step.key in given
        assert not row.begun
        return await real(job, output)

    monkeypatch.setattr(world.hosts, "perform", perform)
    await _approved(world)
    assert all(known.values())
    assert {"migrate", "checkout"} <= known.keys()


async def test_a_step_that_was_begun_is_never_started_again_though_its_journal_is_gone(world: SmallWorld) -> None:
    run, release = await _stuck_in(world, "checkout")
    await eventually(lambda: _begun(world, run, "checkout"), 5)
    await world.engine.drain()
    world.hosts.journal.clear()
    release.set()
    await world.new_engine().start()
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.NEEDS_HUMAN
    assert ended.rows("checkout")[0].state is StepState.UNKNOWN
    assert world.hosts.starts("checkout") == 1


async def _begun(world: SmallWorld, run: str, key: str) -> bool:
    return (await world.run(run)).rows(key)[0].begun


async def test_a_stranger_cannot_cancel(world: SmallWorld) -> None:
    world.target = replace(world.target, policy=replace(POLICY, run={Action.DEPLOY: POLICY.approve["deploy"].eligible}))
    world.new_engine()
    run = await world.submit(user="U0BOB")
    await world.until(run, RunState.AWAITING_APPROVAL)
    with pytest.raises(RefusedError):
        await world.engine.cancel(run, "U0AMELIE")


async def test_a_secret_in_the_output_is_stored_nowhere(world: SmallWorld) -> None:
    world.hosts.says = b"DB_PASSWORD=correct horse\nincomplete correct horse"
    ended = await _approved(world)
    chunks = await world.store.runs.output(ended.id)
    assert chunks
    assert all(b"correct horse" not in chunk.data for chunk in chunks)
    assert "correct horse" not in str(ended)
    assert b"DB_PASSWORD=***\nincomplete ***" in b"".join(chunk.data for chunk in chunks)


async def _approved(world: SmallWorld) -> Run:
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    world.people.said["U0BOB"] = APPROVE
    return await world.until(run, *ENDS)


async def _stuck_in(world: SmallWorld, key: str) -> tuple[str, asyncio.Event]:
    release = world.hosts.blocked.setdefault(key, asyncio.Event())
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    world.people.said["U0BOB"] = APPROVE
    await eventually(lambda: _started(world, key), 5)
    return run, release


async def _started(world: SmallWorld, key: str) -> bool:
    world.engine.wake(next(iter(world.engine.supervisor.driven), ""))
    return world.hosts.starts(key) > 0
