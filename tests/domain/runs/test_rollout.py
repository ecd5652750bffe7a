"""Which steps go from batch to batch, and how far each host is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.errors import Reason, problem
from bot.domain.names import Sha
from bot.domain.runs.acts import Load, Shell
from bot.domain.runs.basis import Basis, checked_out
from bot.domain.runs.batches import AFTER_HOST, BEFORE_HOST, HOST_HEALTH, Batches
from bot.domain.runs.decisions import legal_decisions, steps_left
from bot.domain.runs.estimate import StepEstimate
from bot.domain.runs.findings import (
    AllAtOnce,
    AlreadyDown,
    AtOnceReason,
    Finding,
    OrderReason,
    ReleaseOrder,
    Resumed,
    SwitchOrder,
    first_of,
)
from bot.domain.runs.plan import Phase, Plan, Risk, Step
from bot.domain.runs.plan_json import plan_digest, plan_from_json, plan_to_json
from bot.domain.runs.remaining import remaining
from bot.domain.runs.request import Action, Decision, RollbackOptions
from bot.domain.runs.rollout import batches_left, in_batches, live_part, on_hosts, stages
from bot.domain.runs.rollout_progress import (
    HostProgress,
    batch_begins_at,
    batch_under_way,
    hosts_in_rollout,
    is_partly_rolled_out,
    stopped_hosts,
    touched_hosts,
)
from bot.domain.runs.run import Run, RunState, StepRow, StepState
from bot.domain.shell import Command
from bot.domain.targets.rollout import Rollout
from tests.support.examples import HEAD, NEXT, NOON, REQUEST, TARGET

HOSTS = ("web1", "web2", "web3", "web4", "web5")
"""The hosts of the target."""

R, P, D, F, U, S = (
    StepState.RUNNING,
    StepState.PENDING,
    StepState.DONE,
    StepState.FAILED,
    StepState.UNKNOWN,
    StepState.SKIPPED,
)


def a_step(key: str, *hosts: str, schema: bool = False, risk: Risk = Risk.CHANGES, undoes: str | None = None) -> Step:
    phase = Phase.VERIFY if key == "commit-live" else Phase.CHANGE
    return Step(key, key, phase, hosts or HOSTS, risk, 60, Shell(Command(()), "/x"), undoes=undoes, schema=schema)


BEFORE, AFTER = a_step(BEFORE_HOST), a_step(AFTER_HOST)
HEALTHY = a_step(HOST_HEALTH, risk=Risk.READS)
RELEASE = (
    a_step("log-mark", risk=Risk.READS),
    a_step("packages"),
    a_step("maintenance-on"),
    BEFORE,
    a_step("switch"),
    a_step("migrate", "web1", schema=True),
    a_step("restart"),
    a_step("purge", "web1"),
    HEALTHY,
    AFTER,
    a_step("maintenance-off", undoes="maintenance-on"),
    a_step("prune"),
    a_step("commit-live", risk=Risk.READS),
)
UP = tuple(step for step in RELEASE if "maintenance" not in step.key)
PLAIN = tuple(step for step in UP if not step.schema)
CHECKOUT = (
    a_step("log-mark", risk=Risk.READS),
    BEFORE,
    a_step("checkout"),
    a_step("composer"),
    a_step("migrate", "web1", schema=True),
    a_step("restart"),
    HEALTHY,
    AFTER,
)
ADDS = SwitchOrder(ReleaseOrder.MIGRATE_FIRST, OrderReason.ADDS)
DROPS = SwitchOrder(ReleaseOrder.SWITCH_FIRST, OrderReason.DROPS)
MIGRATED_FIRST = (*UP[:2], UP[4], *UP[2:4], *UP[5:])
SWITCHED_FIRST = (*UP[:4], *UP[5:9], UP[4], *UP[9:])

TWO = Rollout(2, timedelta(seconds=10), "web3")
ROLLED = replace(TARGET, hosts=HOSTS, rollout=TWO)


def planned(steps: tuple[Step, ...], *findings: Finding, action: Action = Action.DEPLOY) -> Plan:
    basis = Basis()
    for host in HOSTS:
        basis |= checked_out(host, HEAD)
    request = REQUEST
    if action is Action.ROLLBACK:
        request = replace(request, options=RollbackOptions())
    return Plan(request, steps, basis=basis, sha=Sha(NEXT), findings=findings)


def keys(plan: Plan) -> list[str]:
    return [step.key for step in plan.steps]


@pytest.mark.parametrize(
    ("steps", "live"),
    [
        (RELEASE, ["before-host", "switch", "migrate", "restart", "purge", "host-health", "after-host"]),
        (
            tuple(step for step in RELEASE if step not in (BEFORE, HEALTHY, AFTER)),
            ["switch", "migrate", "restart", "purge"],
        ),
        (CHECKOUT, ["before-host", "checkout", "composer", "migrate", "restart", "host-health", "after-host"]),
        (
            tuple(step for step in CHECKOUT if step not in (BEFORE, AFTER)),
            ["checkout", "composer", "migrate", "restart", "host-health"],
        ),
        ((a_step("log-mark", risk=Risk.READS),), []),
        ((), []),
    ],
)
def test_the_live_part_begins_where_something_live_is_changed(steps: tuple[Step, ...], live: list[str]) -> None:
    assert [step.key for step in steps[live_part(steps)]] == live


def test_a_change_goes_from_the_canary_to_batch_after_batch() -> None:
    plan = in_batches(planned(PLAIN), ROLLED)
    assert plan.batches == Batches(
        (("web3",), ("web1", "web2"), ("web4", "web5")),
        ("before-host", "switch", "restart", "host-health", "after-host"),
        10,
    )
    # What runs once waits for the last batch.
    assert keys(plan) == [
        "log-mark", "packages", "before-host", "switch", "restart", "host-health", "after-host", "purge", "prune",
        "commit-live",
    ]  # fmt: skip


def test_batches_are_part_of_what_is_approved() -> None:
    plan = in_batches(planned(PLAIN), ROLLED)
    assert plan_from_json(plan_to_json(plan)) == plan
    other = in_batches(planned(PLAIN), replace(ROLLED, rollout=replace(TWO, pause=timedelta(seconds=11))))
    assert plan_digest(plan) != plan_digest(other)
    assert "batches" not in plan_to_json(planned(PLAIN))


def test_a_way_back_waits_neither_for_the_canary_nor_between_batches() -> None:
    plan = in_batches(planned(PLAIN, action=Action.ROLLBACK), ROLLED)
    assert plan.batches is not None
    assert plan.batches.hosts == (("web1", "web2"), ("web3", "web4"), ("web5",))
    assert plan.batches.pause == 0


@pytest.mark.parametrize(
    ("steps", "findings", "reason"),
    [
        (RELEASE, (), AtOnceReason.DOWN),
        (PLAIN, (AlreadyDown(("web1",)),), AtOnceReason.DOWN),
        (UP, (), AtOnceReason.MIGRATIONS),
        (UP, (SwitchOrder(ReleaseOrder.MAINTENANCE, OrderReason.UNKNOWN),), AtOnceReason.MIGRATIONS),
        # the order would allow it, and the steps are not in it
        (UP, (ADDS,), AtOnceReason.MIGRATIONS),
        (CHECKOUT, (), AtOnceReason.MIGRATIONS),
        (MIGRATED_FIRST, (), AtOnceReason.MIGRATIONS),
        (MIGRATED_FIRST, (ADDS,), None),
        (SWITCHED_FIRST, (DROPS,), None),
        (
            (*PLAIN, replace(PLAIN[1], key="load", act=Load("B-1", "0", "fresh"))),
            (),
            AtOnceReason.RESTORE,
        ),
    ],
)
def test_hosts_differ_only_where_that_is_known_to_be_good(
    steps: tuple[Step, ...], findings: tuple[Finding, ...], reason: AtOnceReason | None
) -> None:
    plan = in_batches(planned(steps, *findings), ROLLED)
    assert first_of(AllAtOnce, plan.findings) == (None if reason is None else AllAtOnce(reason))
    assert (plan.batches is None) is (reason is not None)
    around = {BEFORE_HOST, HOST_HEALTH, AFTER_HOST} & set(keys(plan))
    assert bool(around) is (reason is None)
    assert in_batches(plan, ROLLED) == plan
    if plan.batches is not None:
        assert not any(step.schema for step in plan.steps if step.key in plan.batches.steps)


def test_migrations_run_before_the_first_batch_or_behind_the_last() -> None:
    first, last = in_batches(planned(MIGRATED_FIRST, ADDS), ROLLED), in_batches(planned(SWITCHED_FIRST, DROPS), ROLLED)
    order = keys(first)
    assert order.index("migrate") < order.index("before-host")
    order = keys(last)
    assert order.index("after-host") < order.index("migrate")
    assert [stage.batch for stage in stages(last)] == [0, 1, 2, 3, 0]
    assert [step.key for step in stages(last)[-1].lanes[0]] == ["purge", "migrate", "prune"]


def test_a_run_that_changes_nothing_live_has_no_batches() -> None:
    steps = (a_step("log-mark", risk=Risk.READS), BEFORE, HEALTHY, AFTER)
    plan = in_batches(planned(steps), ROLLED)
    assert (plan.batches, keys(plan), first_of(AllAtOnce, plan.findings)) == (None, ["log-mark"], None)


def test_without_a_rollout_nothing_is_changed() -> None:
    assert in_batches(planned(UP), replace(ROLLED, rollout=None)) == planned(UP)


def test_each_host_of_a_batch_has_a_lane_of_its_own() -> None:
    plan = in_batches(planned(PLAIN), ROLLED)
    before, canary, second, third, behind = stages(plan)
    assert [step.key for step in before.lanes[0]] == ["log-mark", "packages"]
    assert all(step.hosts == HOSTS for step in before.lanes[0])
    assert [lane[0].hosts for lane in canary.lanes] == [("web3",)]
    assert [lane[0].hosts for lane in second.lanes] == [("web1",), ("web2",)]
    assert [step.key for step in third.lanes[1]] == list(plan.batches.steps if plan.batches else ())
    assert {step.hosts for step in third.lanes[1]} == {("web5",)}
    assert [step.key for step in behind.lanes[0]] == ["purge", "prune"]


def test_a_plan_without_batches_is_one_stage() -> None:
    [stage] = stages(planned(UP))
    assert stage.lanes == (planned(UP).of(Phase.CHANGE),)


def test_a_plan_for_some_hosts_keeps_what_is_for_all() -> None:
    plan = on_hosts(in_batches(planned(PLAIN), ROLLED), frozenset({"web3", "web5"}))
    assert plan.batches is not None
    assert plan.batches.hosts == (("web3",), ("web5",))
    hosts = {step.key: step.hosts for step in plan.steps}
    assert hosts["switch"] == ("web3", "web5")
    assert hosts["packages"] == hosts["prune"] == HOSTS


# ── how far it is ───────────────────────────────────────────────────────────────────────────────────


def a_run(states: dict[str, str], **changes: object) -> Run:
    """A run whose hosts are in these states: a letter for each step of a batch, in order."""
    plan = in_batches(planned(PLAIN), ROLLED)
    assert plan.batches is not None
    letters = {"p": P, "d": D, "r": R, "f": F, "u": U, "s": S}
    rows = []
    for position, step in enumerate(plan.steps):
        for host in step.hosts:
            state = D if position < 2 else P
            if step.key in plan.batches.steps:
                state = letters[states.get(host, "ppppp")[plan.batches.steps.index(step.key)]]
            ended = NOON if state in {D, F, U} else None
            rows.append(StepRow(position, step.key, step.key, step.phase, step.risk, host, state=state, ended_at=ended))
    run = Run("R-1", 1, REQUEST, RunState.RUNNING, 1, NOON, plan=plan, steps=tuple(rows))
    return replace(run, **changes)  # type: ignore[arg-type]  # test data by field name


@pytest.mark.parametrize(
    ("states", "progress", "is_new", "is_out"),
    [
        ("ppppp", HostProgress.WAITING, False, False),
        ("rpppp", HostProgress.UNDER_WAY, False, False),
        ("dpppp", HostProgress.UNDER_WAY, False, True),
        ("drppp", HostProgress.UNDER_WAY, None, True),
        ("ddrpp", HostProgress.UNDER_WAY, True, True),
        ("dddrp", HostProgress.UNDER_WAY, True, True),
        ("ddddd", HostProgress.DONE, True, False),
        ("fpppp", HostProgress.STOPPED, False, False),
        ("dfppp", HostProgress.STOPPED, False, True),
        ("duppp", HostProgress.STOPPED, None, True),
        ("dddfp", HostProgress.STOPPED, True, True),
        ("ddddf", HostProgress.STOPPED, True, True),
    ],
)
def test_how_far_a_host_is(states: str, progress: HostProgress, is_new: bool | None, is_out: bool) -> None:
    found = {one.host: one for one in hosts_in_rollout(a_run({"web3": states}))}["web3"]
    assert (found.progress, found.is_new, found.is_out) == (progress, is_new, is_out)
    assert (found.row is not None) is any(letter in states for letter in "rfu")


@pytest.mark.parametrize(("resumes", "is_out"), [(True, True), (False, False)])
def test_a_host_that_the_run_before_took_out_of_service_is_still_out(resumes: bool, is_out: bool) -> None:
    run = a_run({"web3": "dddfp"})
    assert run.plan is not None
    findings = (Resumed("R-0", Decision.RETRY),) if resumes else ()
    rows = tuple(row for row in run.steps if row.key not in {BEFORE_HOST, "switch", "restart"})
    found = hosts_in_rollout(replace(run, plan=replace(run.plan, findings=findings), steps=rows))
    assert found[0].host == "web3"
    assert found[0].is_out is is_out


def test_hosts_are_named_in_the_order_of_the_batches() -> None:
    run = a_run({"web3": "ddddd", "web1": "ddddd", "web2": "dddfp"})
    assert [one.host for one in hosts_in_rollout(run)] == ["web3", "web1", "web2", "web4", "web5"]
    assert stopped_hosts(run) == {"web2"}
    assert touched_hosts(run) == {"web1", "web2", "web3"}
    assert batch_under_way(run) == 2


@pytest.mark.parametrize(
    ("states", "partly", "batch"),
    [
        ({}, False, 1),
        ({"web3": "rpppp"}, True, 1),
        ({"web3": "ddddd"}, True, 2),
        ({"web3": "fpppp"}, True, 1),
        (dict.fromkeys(HOSTS, "ddddd"), False, 0),
        (dict.fromkeys(HOSTS[:4], "ddddd"), True, 3),
    ],
)
def test_a_rollout_is_under_way_from_its_first_host_to_its_last(
    states: dict[str, str], partly: bool, batch: int
) -> None:
    run = a_run(states)
    assert is_partly_rolled_out(run) is partly
    assert batch_under_way(run) == batch


def test_a_batch_waits_from_the_end_of_the_one_before() -> None:
    run = a_run({"web3": "ddddd"})
    assert batch_begins_at(run, 1) is None
    assert batch_begins_at(run, 2) == NOON + timedelta(seconds=10)
    # it has begun: nothing is waited for twice
    assert batch_begins_at(a_run({"web3": "ddddd", "web1": "rpppp"}), 2) is None


def test_without_a_pause_nothing_is_waited_for() -> None:
    run = a_run({"web3": "ddddd"})
    assert run.plan is not None
    assert run.plan.batches is not None
    quick = replace(run, plan=replace(run.plan, batches=replace(run.plan.batches, pause=0)))
    assert batch_begins_at(quick, 2) is None


# ── what is legal, and what is left ─────────────────────────────────────────────────────────────────

RETRY, GO_ON, BACK, CLOSE = Decision.RETRY, Decision.GO_ON, Decision.ROLL_BACK, Decision.CLOSE


@pytest.mark.parametrize(
    ("states", "legal"),
    [
        # it is not known how it ended
        ({"web3": "duppp"}, (RETRY, GO_ON, BACK, CLOSE)),
        ({"web3": "dddfp"}, (RETRY, GO_ON, BACK, CLOSE)),
        ({"web3": "fpppp"}, (RETRY, GO_ON, BACK, CLOSE)),
        # stopped by hand, between two batches
        ({"web3": "ddddd"}, (GO_ON, BACK, CLOSE)),
        # the last ones are bad: there is nobody to go on with
        ({**dict.fromkeys(HOSTS[:4], "ddddd"), "web5": "dddfp"}, (RETRY, BACK, CLOSE)),
        (dict.fromkeys(HOSTS, "dddfp"), (RETRY, BACK, CLOSE)),
    ],
)
def test_which_decisions_about_hosts_are_legal(states: dict[str, str], legal: tuple[Decision, ...]) -> None:
    assert legal_decisions(a_run(states, state=RunState.NEEDS_HUMAN)) == legal


def test_nothing_is_legal_but_to_leave_it_while_something_may_still_run() -> None:
    run = a_run({"web3": "duppp"}, state=RunState.NEEDS_HUMAN)
    doubt = problem(Reason.STILL_RUNNING)
    rows = tuple(replace(row, problem=doubt) if row.state is U else row for row in run.steps)
    assert legal_decisions(replace(run, steps=rows)) == (CLOSE,)


def migrating(run: Run, *, first: bool, done: bool) -> Run:
    """Give the run with migrations before the first batch, or behind the last."""
    assert run.plan is not None
    order = (MIGRATED_FIRST, ADDS) if first else (SWITCHED_FIRST, DROPS)
    plan = in_batches(planned(order[0], order[1]), ROLLED)
    place = [step.key for step in plan.steps].index("migrate")
    step = plan.steps[place]
    row = StepRow(place, step.key, step.key, step.phase, step.risk, "web1", state=D if done else P)
    return replace(run, plan=plan, steps=(*run.steps, row))


@pytest.mark.parametrize(
    ("states", "goes_on"),
    [
        ({"web3": "ddddd"}, True),
        # it has the new code, which lives with what the migrations drop
        ({"web3": "dddfp"}, True),
        ({"web3": "fpppp"}, False),
        ({"web3": "dfppp"}, False),
        ({"web3": "duppp"}, False),
    ],
)
def test_no_host_keeps_code_that_does_not_live_with_migrations_behind_the_last_batch(
    states: dict[str, str], goes_on: bool
) -> None:
    run = migrating(a_run(states, state=RunState.NEEDS_HUMAN), first=False, done=False)
    assert (GO_ON in legal_decisions(run)) is goes_on
    before = migrating(a_run(states, state=RunState.NEEDS_HUMAN), first=True, done=True)
    assert GO_ON in legal_decisions(before)
    assert BACK in legal_decisions(before)


def left(run: Run, decision: Decision) -> dict[str, tuple[str, ...]]:
    return {step.key: step.hosts for step in steps_left(run, decision)}


def test_a_retry_begins_where_each_host_stopped() -> None:
    run = a_run({"web3": "ddddd", "web1": "ddddd", "web2": "dddfp"}, state=RunState.NEEDS_HUMAN)
    assert left(run, RETRY) == {
        "before-host": ("web4", "web5"),
        "switch": ("web4", "web5"),
        "restart": ("web4", "web5"),
        "host-health": ("web2", "web4", "web5"),
        "after-host": ("web2", "web4", "web5"),
        "purge": ("web1",),
        "prune": HOSTS,
    }
    divided = batches_left(run, steps_left(run, RETRY))
    assert divided is not None
    assert divided.hosts == (("web2",), ("web4", "web5"))


def test_going_on_does_nothing_on_the_hosts_that_failed() -> None:
    run = a_run({"web3": "ddddd", "web1": "dfppp", "web2": "ddddd"}, state=RunState.NEEDS_HUMAN)
    found = left(run, GO_ON)
    assert found.pop("prune") == ("web2", "web3", "web4", "web5")
    # What runs once, on the first host, is not done elsewhere instead.
    assert "purge" not in found
    assert set(found.values()) == {("web4", "web5")}
    divided = batches_left(run, steps_left(run, GO_ON))
    assert divided is not None
    assert divided.hosts == (("web4", "web5"),)


@pytest.mark.parametrize(
    ("states", "batches_over", "seconds"),
    [({}, 0, 3 * 5 + 20), ({"web3": "ddddd"}, 1, 2 * 5 + 20), ({**dict.fromkeys(HOSTS[:3], "ddddd")}, 2, 5 + 10)],
)
def test_how_long_it_takes_counts_the_batches_that_are_left(
    states: dict[str, str], batches_over: int, seconds: float
) -> None:
    run = a_run(states)
    assert batch_under_way(run) == batches_over + 1
    usual = dict.fromkeys(("before-host", "switch", "restart", "host-health", "after-host"), StepEstimate(1, 2))
    usual |= dict.fromkeys(("purge", "prune", "commit-live"), StepEstimate(0, 0))
    assert remaining(run, usual, NOON).whole == seconds
