"""What the forge says about a commit: only green is deployed; rollbacks and emergencies go without it and say so."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

import commands.checks
from bot.domain.errors import Reason, RefusedError
from bot.domain.runs.findings import CheckFound, ChecksWaived, those_of
from bot.domain.runs.plan import Plan
from bot.domain.targets.forge import CheckState, CommitCheck, ForgeAnswer, ForgeKind, ForgeSilence, Repository
from bot.recipes.load import load_recipe
from commands.deploy import Deploy
from tests.commands import test_rollback as rollback
from tests.commands.test_order import EMERGENCY
from tests.support.examples import NAME, NEXT, RUN, TARGET, Sight

DEPLOY = Deploy({NAME: load_recipe("laravel", Path())})
CHECKED = replace(
    TARGET,
    repository=Repository("https://github.com/acme/compte", ForgeKind.GITHUB),
    checks=("tests", "unit-tests"),
)
URL = "https://github.com/acme/compte/runs/7"
GREEN = CommitCheck("tests", CheckState.SUCCESS, "success", URL)
ALSO = CommitCheck("unit-tests", CheckState.SUCCESS, "success")
ALL_GREEN = (GREEN, ALSO)
RED = replace(GREEN, state=CheckState.FAILURE, word="timed_out")
PENDING = replace(GREEN, state=CheckState.PENDING, word="queued")
SKIPPED = replace(GREEN, state=CheckState.SKIPPED, word="neutral")
UNKNOWN = replace(GREEN, state=CheckState.UNKNOWN, word="")
MISSING = CommitCheck("unit-tests", CheckState.MISSING)
SILENT = ForgeSilence("it answers 503")


def sight(answer: ForgeAnswer) -> Sight:
    look = Sight()
    look.checks = answer
    return look


async def planned(answer: ForgeAnswer) -> Plan:
    plan = await DEPLOY.plan(RUN, CHECKED, sight(answer))
    assert isinstance(plan, Plan)
    return plan


async def test_a_green_commit_is_planned_with_what_each_check_says() -> None:
    plan = await planned(ALL_GREEN)
    assert those_of(CheckFound, plan.findings) == (
        CheckFound("tests", CheckState.SUCCESS, "success", URL),
        CheckFound("unit-tests", CheckState.SUCCESS, "success"),
    )
    facts = {name: value for name, value in plan.basis.facts.items() if name.startswith("CI")}
    assert facts == {"CI check tests": "success", "CI check unit-tests": "success"}


@pytest.mark.parametrize(
    ("answer", "facts"),
    [
        ((RED, ALSO), {"checks": "tests (timed_out)", "unreported": "", "url": URL}),
        ((PENDING, ALSO), {"checks": "tests (queued)", "unreported": "", "url": URL}),
        ((SKIPPED, ALSO), {"checks": "tests (neutral)", "unreported": "", "url": URL}),
        ((UNKNOWN, ALSO), {"checks": "tests (unknown)", "unreported": "", "url": URL}),
        ((GREEN, MISSING), {"checks": "", "unreported": "unit-tests", "url": ""}),
        ((RED, MISSING), {"checks": "tests (timed_out)", "unreported": "unit-tests", "url": URL}),
    ],
    ids=["red", "pending", "skipped", "unknown", "missing", "two"],
)
async def test_what_is_not_green_is_refused_by_name_and_link(answer: ForgeAnswer, facts: dict[str, str]) -> None:
    with pytest.raises(RefusedError) as refused:
        await planned(answer)
    assert refused.value.problem.reason is Reason.CHECKS_NOT_GREEN
    assert refused.value.problem.facts == {"sha": NEXT, "host": "github.com"} | facts


async def test_a_forge_that_does_not_answer_is_said_and_never_green() -> None:
    with pytest.raises(RefusedError) as refused:
        await planned(SILENT)
    assert refused.value.problem.reason is Reason.FORGE_SILENT
    assert refused.value.problem.facts == {"sha": NEXT, "host": "github.com", "detail": "it answers 503"}


@pytest.mark.parametrize(
    ("now", "moved"),
    [
        (ALL_GREEN, []),
        ((replace(GREEN, url="https://github.com/acme/compte/runs/8"), ALSO), []),
        ((RED, ALSO), [("CI check tests", "success", "timed_out")]),
        ((PENDING, MISSING), [("CI check tests", "success", "queued"), ("CI check unit-tests", "success", "missing")]),
    ],
    ids=["as it was", "run again and green", "red", "pending and gone"],
)
async def test_the_approval_rests_on_it(now: ForgeAnswer, moved: list[tuple[str, str, str]]) -> None:
    plan = await planned(ALL_GREEN)
    again = await DEPLOY.basis(plan, RUN, CHECKED, sight(now))
    assert plan.basis.differences(again) == tuple(moved)


async def test_a_check_that_came_after_the_approval_voids_it() -> None:
    plan = await DEPLOY.plan(RUN, TARGET, sight(()))
    assert isinstance(plan, Plan)
    again = await DEPLOY.basis(plan, RUN, CHECKED, sight(ALL_GREEN))
    assert [each.name for each in plan.basis.differences(again)] == ["CI check tests", "CI check unit-tests"]


async def test_before_the_first_change_silence_is_a_refusal_too() -> None:
    plan = await planned(ALL_GREEN)
    with pytest.raises(RefusedError) as refused:
        await DEPLOY.basis(plan, RUN, CHECKED, sight(SILENT))
    assert refused.value.problem.reason is Reason.FORGE_SILENT


@pytest.mark.parametrize(
    ("answer", "waived", "found"),
    [
        (ALL_GREEN, (), 2),
        ((RED, MISSING), (ChecksWaived(),), 2),
        (SILENT, (ChecksWaived("it answers 503"),), 0),
    ],
    ids=["green", "red", "silent"],
)
async def test_an_emergency_goes_without_it_and_says_so(
    answer: ForgeAnswer, waived: tuple[ChecksWaived, ...], found: int
) -> None:
    plan = await DEPLOY.plan(EMERGENCY, CHECKED, sight(answer))
    assert isinstance(plan, Plan)
    assert those_of(ChecksWaived, plan.findings) == waived
    assert len(those_of(CheckFound, plan.findings)) == found
    assert await DEPLOY.basis(plan, EMERGENCY, CHECKED, sight(SILENT)) == plan.basis


async def test_an_emergency_does_not_wait_for_a_slow_forge(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Sight):
        async def commit_checks(self, sha: str) -> ForgeAnswer:
            await asyncio.Event().wait()
            raise AssertionError

    monkeypatch.setattr(commands.checks, "_EMERGENCY_SECONDS", 0.01)
    plan = await DEPLOY.plan(EMERGENCY, CHECKED, Slow())
    assert isinstance(plan, Plan)
    (waived,) = those_of(ChecksWaived, plan.findings)
    assert waived.silence == "no answer within 0.01 seconds"


async def test_a_rollback_needs_none_and_says_so() -> None:
    plan = await rollback.planned(rollback.Past(rollback.GOOD), target=CHECKED)
    assert those_of(ChecksWaived, plan.findings) == (ChecksWaived(),)
