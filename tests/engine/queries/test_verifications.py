"""Which past runs verified their commit, as the next environment counts it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.names import Sha
from bot.domain.runs.basis import Basis, checked_out
from bot.domain.runs.findings import HeldBack
from bot.domain.runs.plan import Plan
from bot.domain.runs.request import Action, Decision, DeployOptions, RequestOptions, ResumeOptions, RollbackOptions
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.order import Verification
from bot.engine.queries.verifications import verifications_of
from tests.support.examples import GATE, HEAD, NEXT, NOON, REQUEST, RUN

DEPLOY = DeployOptions("main")


def run(
    options: RequestOptions = DEPLOY, state: RunState = RunState.SUCCEEDED, sha: str = NEXT, left: str = HEAD
) -> Run:
    request = replace(REQUEST, options=options)
    plan = Plan(request, (), GATE, Basis() | checked_out("web1", left), Sha(sha))
    ended = NOON if state is not RunState.NEEDS_HUMAN else None
    return replace(RUN, request=request, state=state, plan=plan, change_started_at=NOON, ended_at=ended)


def found(*runs: Run) -> tuple[Verification, ...]:
    return verifications_of(runs, NOON + timedelta(hours=1))


@pytest.mark.parametrize(
    "verifying",
    [
        run(),
        run(ResumeOptions(Action.DEPLOY, "R-OTHER", Decision.RETRY)),
        run(ResumeOptions(Action.DEPLOY, "R-OTHER", Decision.MARK_DONE)),
    ],
)
def test_a_deploy_that_succeeded_counts(verifying: Run) -> None:
    assert found(verifying) == (Verification(RUN.id, NEXT, NOON, timedelta(hours=1)),)


held_back = run()
assert held_back.plan is not None


@pytest.mark.parametrize(
    "other",
    [
        *(run(state=state) for state in RunState if state is not RunState.SUCCEEDED),
        replace(run(), change_started_at=None),
        replace(run(), plan=None),
        replace(held_back, plan=replace(held_back.plan, findings=(HeldBack(("a",)),))),
        run(ResumeOptions(Action.DEPLOY, "R-OTHER", Decision.LIFT)),
        run(RollbackOptions()),
    ],
)
def test_what_did_not_verify_its_commit_does_not(other: Run) -> None:
    assert found(other) == ()


def test_a_rollback_from_the_commit_is_named() -> None:
    back = replace(run(RollbackOptions(), sha=HEAD, left=NEXT), id="R-BACK")
    again = replace(run(), id="R-AGAIN")
    assert [(one.run, one.taken_back) for one in found(again, back, run())] == [
        ("R-AGAIN", ""),
        (RUN.id, "R-BACK"),
    ]
