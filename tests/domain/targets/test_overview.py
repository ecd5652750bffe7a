"""Overviews and snapshots: when the live commit is certain, and when a snapshot is current."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.names import Sha
from bot.domain.runs.plan import Plan
from bot.domain.runs.request import Action, Decision, ResumeOptions
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.overview import TargetOverview
from bot.domain.targets.snapshot import TargetSnapshot
from tests.support.examples import NAME, NEXT, NOON, PLAIN, REQUEST, RUN

HOUR = timedelta(hours=1)


def release(state: RunState = RunState.SUCCEEDED, **request: object) -> Run:
    asked = replace(REQUEST, **request)
    plan = Plan(asked, (), sha=Sha(NEXT))
    return replace(RUN, request=asked, state=state, plan=plan, change_started_at=NOON, ended_at=NOON)


def going(action: Action, *, changing: bool) -> Run:
    asked = replace(REQUEST, options=PLAIN[action])
    return replace(RUN, request=asked, state=RunState.RUNNING, change_started_at=NOON if changing else None)


LIFT = ResumeOptions(Action.DEPLOY, "R-FIRST1", Decision.LIFT)
RETRY = ResumeOptions(Action.DEPLOY, "R-FIRST1", Decision.RETRY)


@pytest.mark.parametrize(
    ("overview", "live"),
    [
        (TargetOverview(NAME), ""),
        (TargetOverview(NAME, release=release()), NEXT),
        (TargetOverview(NAME, release=release(options=RETRY)), NEXT),
        (TargetOverview(NAME, release=release(options=LIFT)), ""),
        (TargetOverview(NAME, release=release(RunState.FAILED)), ""),
        (TargetOverview(NAME, release=release(RunState.CANCELLED)), ""),
        (TargetOverview(NAME, (going(Action.DEPLOY, changing=False),), release=release()), NEXT),
        (TargetOverview(NAME, (going(Action.DEPLOY, changing=True),), release=release()), ""),
        (TargetOverview(NAME, (going(Action.ROLLBACK, changing=True),), release=release()), ""),
        (TargetOverview(NAME, (going(Action.BACKUP, changing=True),), release=release()), NEXT),
    ],
)
def test_the_live_commit_is_known_only_after_a_run_that_succeeded(overview: TargetOverview, live: str) -> None:
    assert overview.live == live


@pytest.mark.parametrize(
    ("overview", "current"),
    [
        (TargetOverview(NAME), True),
        (TargetOverview(NAME, last=replace(release(), ended_at=NOON - HOUR)), True),
        (TargetOverview(NAME, last=replace(release(), ended_at=NOON)), True),
        (TargetOverview(NAME, last=replace(release(), ended_at=NOON + HOUR)), False),
        (TargetOverview(NAME, release=replace(release(), ended_at=NOON + HOUR)), False),
        (TargetOverview(NAME, (going(Action.DEPLOY, changing=False),)), True),
        (TargetOverview(NAME, (going(Action.RESTORE, changing=True),)), False),
    ],
)
def test_a_snapshot_is_current_until_a_run_changes_the_target(overview: TargetOverview, current: bool) -> None:
    assert TargetSnapshot(NAME, NOON).holds(overview) is current
