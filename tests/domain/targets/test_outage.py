"""Whether a site is down: what runs did, what they found, and what a look at the hosts says since."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.errors import Reason, problem
from bot.domain.runs.findings import AlreadyDown, Resumed
from bot.domain.runs.request import Decision
from bot.domain.runs.run import Run, RunState, StepState
from bot.domain.targets.outage import outage_of
from bot.domain.targets.overview import TargetOverview
from bot.domain.targets.snapshot import TargetSnapshot, TargetState
from tests.slack.support.runs import AT, OLD, PLAN, RUNS

HELD, RUNNING = RUNS["needs_human"], RUNS["running"]
NAME = HELD.request.target
DOWN_AT = next(row.ended_at for row in HELD.steps if row.key == "maintenance-on")
LATER = AT + timedelta(minutes=3)
CLOSED = replace(HELD, state=RunState.CANCELLED, ended_at=AT + timedelta(minutes=2), problem=problem(Reason.CANCELLED))
FOUND_DOWN = replace(
    RUNS["succeeded"],
    id="R-LATER0",
    plan=replace(PLAN, steps=PLAN.of(PLAN.steps[0].phase), findings=(AlreadyDown(("web1",)),)),
    steps=(),
)


def with_rows(run: Run, **states: StepState) -> Run:
    """Give a run some of whose steps are in another state; names of steps with `_` for `-`."""
    by_key = {key.replace("_", "-"): state for key, state in states.items()}
    rows = tuple(replace(row, state=by_key[row.key]) if row.key in by_key else row for row in run.steps)
    return replace(run, steps=rows)


def lifting(state: StepState, of_run: RunState) -> Run:
    """Give a run that lifts the maintenance of the one that stopped."""
    up = next(step for step in PLAN.steps if step.undoes == "maintenance-on")
    plan = replace(PLAN, steps=(up,), findings=(Resumed(HELD.id, Decision.LIFT, "", OLD, ""),))
    row = next(row for row in HELD.steps if row.key == up.key)
    started = LATER - timedelta(seconds=5)
    rows = (replace(row, state=state, started_at=started, ended_at=started),)
    return replace(HELD, id="R-LIFT00", state=of_run, plan=plan, steps=rows, change_started_at=started)


def look(maintenance: tuple[str, ...] = (), unclear: tuple[str, ...] = (), *, at: timedelta) -> TargetSnapshot:
    return TargetSnapshot(NAME, AT + at, TargetState((OLD,), maintenance, unclear=unclear))


SOON, EARLIER = timedelta(minutes=4), timedelta(seconds=1)


@pytest.mark.parametrize(
    ("overview", "snapshot", "is_down"),
    [
        (TargetOverview(NAME, (RUNNING,)), None, True),
        (TargetOverview(NAME, (HELD,)), None, True),
        (TargetOverview(NAME, (with_rows(HELD, maintenance_off=StepState.DONE),)), None, False),
        (TargetOverview(NAME, (with_rows(HELD, maintenance_on=StepState.SKIPPED),)), None, False),
        (TargetOverview(NAME, (with_rows(HELD, maintenance_off=StepState.UNKNOWN),)), None, None),
        (TargetOverview(NAME, (), changed=(CLOSED,)), None, True),
        (TargetOverview(NAME, (), changed=(FOUND_DOWN, CLOSED)), None, True),
        (TargetOverview(NAME, (lifting(StepState.PENDING, RunState.RUNNING),), changed=(CLOSED,)), None, True),
        (TargetOverview(NAME, (), changed=(lifting(StepState.DONE, RunState.SUCCEEDED), CLOSED)), None, False),
        (TargetOverview(NAME, (), changed=(lifting(StepState.FAILED, RunState.CANCELLED), CLOSED)), None, True),
        # A person brought it up by hand, and a look has seen it; one of before the run says nothing.
        (TargetOverview(NAME, (HELD,)), look(at=SOON), False),
        (TargetOverview(NAME, (HELD,)), look(at=EARLIER), True),
        (TargetOverview(NAME, (HELD,)), look(unclear=("web1",), at=SOON), True),
        (TargetOverview(NAME, (with_rows(HELD, maintenance_off=StepState.UNKNOWN),)), look(("web1",), at=SOON), True),
        (TargetOverview(NAME, (), changed=(CLOSED,)), look(at=SOON), False),
        # Nobody's run took it down.
        (TargetOverview(NAME), look(("web1",), at=SOON), True),
        (TargetOverview(NAME), look(at=SOON), False),
        (TargetOverview(NAME), TargetSnapshot(NAME, LATER, problem=problem(Reason.HOST_UNREACHABLE)), False),
    ],
)
def test_a_site_is_down_as_far_as_is_known(
    overview: TargetOverview, snapshot: TargetSnapshot | None, is_down: bool | None
) -> None:
    found = outage_of(overview, snapshot)
    assert (found is not None) is (is_down is not False)
    assert found is None or found.certain is bool(is_down)


@pytest.mark.parametrize(
    "runs",
    [(CLOSED,), (FOUND_DOWN, CLOSED), (lifting(StepState.FAILED, RunState.CANCELLED), CLOSED)],
)
def test_it_is_down_since_the_first_run_that_took_it_down(runs: tuple[Run, ...]) -> None:
    found = outage_of(TargetOverview(NAME, (), changed=runs), None)
    assert found is not None
    assert found.since == DOWN_AT
    assert found.run == runs[0]
