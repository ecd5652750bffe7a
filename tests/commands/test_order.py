"""The order of environments: a commit is deployed only where it was verified before, and rollbacks need not be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.errors import Reason, RefusedError
from bot.domain.runs.findings import OutOfOrder, VerifiedBefore, those_of
from bot.domain.runs.plan import Plan
from bot.domain.runs.request import DeployOptions, PolicyExceptions
from bot.domain.targets.order import After, Verification
from bot.recipes.load import load_recipe
from commands.deploy import Deploy
from tests.commands import test_rollback as rollback
from tests.support.examples import HEAD, HOST, NAME, NEXT, REQUEST, RUN, TARGET, Sight

DEPLOY = Deploy({NAME: load_recipe("laravel", Path())})
WEEK = timedelta(days=7)
ORDERED = replace(TARGET, after=After("staging", WEEK))
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
EMERGENCY = replace(
    RUN, request=replace(REQUEST, options=DeployOptions("main", exceptions=PolicyExceptions(emergency="site is down")))
)


def verified(
    sha: str = NEXT, age: timedelta = timedelta(hours=2), run: str = "R-STAGED", back: str = ""
) -> Verification:
    return Verification(run, sha, AT, age, back)


def sight(*verifications: Verification, same_files: tuple[str, ...] = ()) -> Sight:
    look = Sight(replace(HOST, same_files=frozenset(same_files)))
    look.verified = verifications
    return look


async def planned(look: Sight) -> Plan:
    answer = await DEPLOY.plan(RUN, ORDERED, look)
    assert isinstance(answer, Plan)
    return answer


@pytest.mark.parametrize(
    ("look", "run", "sha"),
    [
        (sight(verified()), "R-STAGED", NEXT),
        (sight(verified(age=WEEK)), "R-STAGED", NEXT),
        (sight(verified(run="R-NEWER"), verified()), "R-NEWER", NEXT),
        (sight(verified(HEAD), verified(run="R-OLDER")), "R-OLDER", NEXT),
        (sight(verified(HEAD), same_files=(HEAD,)), "R-STAGED", HEAD),
    ],
    ids=["verified", "just in time", "twice", "not the newest", "the same files"],
)
async def test_a_verified_commit_is_planned_and_the_plan_says_since_when(look: Sight, run: str, sha: str) -> None:
    plan = await planned(look)
    assert those_of(VerifiedBefore, plan.findings) == (VerifiedBefore("staging", run, AT, sha),)
    assert plan.basis.facts["verified in staging"] == "yes"


@pytest.mark.parametrize(
    ("look", "facts"),
    [
        (sight(), {"run": "", "age": ""}),
        (sight(verified(HEAD)), {"run": "", "age": ""}),
        (sight(verified(age=WEEK + timedelta(seconds=1))), {"run": "R-STAGED", "age": "604801"}),
        (sight(verified(HEAD, WEEK * 2), same_files=(HEAD,)), {"run": "", "age": ""}),
    ],
    ids=["nothing", "another commit", "too long ago", "the same files too long ago"],
)
async def test_another_commit_is_refused_with_what_is_missing(look: Sight, facts: dict[str, str]) -> None:
    with pytest.raises(RefusedError) as refused:
        await DEPLOY.plan(RUN, ORDERED, look)
    assert refused.value.problem.reason is Reason.NOT_VERIFIED_BEFORE
    expected = {"app": "compte", "before": "staging", "sha": NEXT, "within": "604800"} | facts
    assert refused.value.problem.facts == expected


async def test_every_host_has_to_find_the_same_files() -> None:
    look = Sight(replace(HOST, same_files=frozenset({HEAD})), replace(HOST, host="web2"))
    look.verified = (verified(HEAD),)
    with pytest.raises(RefusedError) as refused:
        await DEPLOY.plan(RUN, replace(ORDERED, hosts=("web1", "web2")), look)
    assert refused.value.problem.reason is Reason.NOT_VERIFIED_BEFORE


async def test_only_recent_commits_are_compared() -> None:
    look = sight(verified(), verified(HEAD), verified(HEAD), verified("c" * 40, WEEK * 2))
    await planned(look)
    assert look.asked[0].compared == (NEXT, HEAD)


async def test_a_commit_that_went_back_there_is_shown_as_such() -> None:
    plan = await planned(sight(verified(back="R-BACK")))
    (found,) = those_of(VerifiedBefore, plan.findings)
    assert found.taken_back == "R-BACK"


async def test_an_emergency_goes_without_it_and_says_so() -> None:
    plan = await DEPLOY.plan(EMERGENCY, ORDERED, sight())
    assert isinstance(plan, Plan)
    assert those_of(OutOfOrder, plan.findings) == (OutOfOrder("staging"),)
    assert await DEPLOY.basis(plan, EMERGENCY, ORDERED, sight()) == plan.basis


async def test_without_a_rule_nothing_is_asked() -> None:
    plan = await DEPLOY.plan(RUN, TARGET, sight())
    assert isinstance(plan, Plan)
    assert not those_of(OutOfOrder, plan.findings)
    assert "verified in staging" not in plan.basis.facts


@pytest.mark.parametrize(
    ("now", "moved"),
    [
        (sight(verified(run="R-NEWER"), verified()), ()),
        (sight(verified(age=WEEK * 2)), ("verified in staging",)),
        (sight(), ("verified in staging",)),
    ],
    ids=["verified again", "too long ago by now", "forgotten"],
)
async def test_the_approval_rests_on_it(now: Sight, moved: tuple[str, ...]) -> None:
    plan = await planned(sight(verified()))
    again = await DEPLOY.basis(plan, RUN, ORDERED, now)
    assert tuple(difference.name for difference in plan.basis.differences(again)) == moved


async def test_a_rule_that_came_after_the_approval_voids_it() -> None:
    plan = await DEPLOY.plan(RUN, TARGET, sight())
    assert isinstance(plan, Plan)
    again = await DEPLOY.basis(plan, RUN, ORDERED, sight())
    assert [difference.name for difference in plan.basis.differences(again)] == ["verified in staging"]


async def test_a_rollback_needs_none_and_says_so() -> None:
    look = rollback.Past(rollback.GOOD)
    plan = await rollback.planned(look, target=ORDERED)
    assert those_of(OutOfOrder, plan.findings) == (OutOfOrder("staging"),)
