"""A plan names the steps that differ from the last deploy, and lists all of them where it cannot be compared."""

from dataclasses import replace

import pytest

from bot.domain.runs.findings import UsualSteps
from bot.domain.runs.plan import Phase, Plan, Step
from bot.domain.runs.request import Action, Decision, ResumeOptions, RollbackOptions
from bot.domain.runs.run import Run, RunState
from bot.domain.runs.usual_steps import usual_steps
from tests.slack.support.runs import PLAN, RUNS

LAST = replace(RUNS["succeeded"], id="R-LAST00")
AFTER = [step for step in PLAN.steps if step.phase is not Phase.PREPARE]
NEW = replace(AFTER[0], key="new", title="Build the docs")


def plan_of(*steps: Step) -> Plan:
    return replace(PLAN, steps=tuple(steps))


@pytest.mark.parametrize(
    ("plan", "past", "found"),
    [
        (PLAN, (), None),
        (PLAN, (LAST,), UsualSteps("R-LAST00")),
        (plan_of(*AFTER, NEW), (LAST,), UsualSteps("R-LAST00", ("Build the docs",))),
        (plan_of(*AFTER[1:]), (LAST,), UsualSteps("R-LAST00", (), (AFTER[0].title,))),
        (plan_of(*AFTER[::-1]), (LAST,), None),
        (
            plan_of(replace(AFTER[0], hosts=("web9",)), *AFTER[1:]),
            (LAST,),
            UsualSteps("R-LAST00", *2 * [(AFTER[0].title,)]),
        ),
        (plan_of(*(replace(NEW, key=f"new{n}") for n in range(6)), *AFTER), (LAST,), None),
        (PLAN, (replace(LAST, state=RunState.FAILED),), None),
        (PLAN, (replace(LAST, change_started_at=None),), None),
        (PLAN, (replace(LAST, request=replace(LAST.request, options=RollbackOptions())),), None),
        (PLAN, (replace(LAST, id="R-1", state=RunState.FAILED), LAST), UsualSteps("R-LAST00")),
        (replace(PLAN, request=replace(PLAN.request, options=RollbackOptions())), (LAST,), None),
        (
            replace(PLAN, request=replace(PLAN.request, options=ResumeOptions(Action.DEPLOY, "R-1", Decision.RETRY))),
            (LAST,),
            None,
        ),
    ],
)
def test_steps_are_compared_with_the_last_deploy(plan: Plan, past: tuple[Run, ...], found: UsualSteps | None) -> None:
    assert usual_steps(plan, past) == found
