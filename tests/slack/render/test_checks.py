"""What the required checks say, on the plan and in refusals: linked, in one line, by the names that the forge has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.errors import Reason, problem
from bot.domain.runs.findings import CheckFound, ChecksWaived, Finding
from bot.domain.runs.request import RollbackOptions
from bot.domain.targets.forge import CheckState
from bot.slack.render.run_messages import PLAN as PLAN_SLOT
from bot.slack.render.run_messages import render
from tests.slack.support.limits import texts
from tests.slack.support.runs import NEW, PLAN, RUNS, ctx

GREEN = CheckFound("tests", CheckState.SUCCESS, "success", "https://x/1")
RED = CheckFound("unit-tests <!here>", CheckState.FAILURE, "timed_out")
MISSING = CheckFound("lint", CheckState.MISSING)


def shown(*findings: Finding) -> str:
    run = replace(RUNS["awaiting_approval"], plan=replace(PLAN, findings=findings))
    return "\n".join(texts(render(run, ctx())[PLAN_SLOT].blocks))


@pytest.mark.parametrize(
    ("findings", "line"),
    [
        ((GREEN,), "✅ CI is green: <https://x/1|tests>"),
        ((GREEN, RED), "CI: <https://x/1|tests> (success) · unit-tests &lt;!here&gt; (timed_out)"),
        ((MISSING,), "CI: lint (not reported)"),
        ((MISSING, ChecksWaived()), "⚠️ *CI is not green*. An emergency goes without it."),
        (
            (ChecksWaived("it answers 503"),),
            "⚠️ *CI is not green* as far as is known: it answers 503. An emergency goes without it.",
        ),
        ((replace(GREEN, url="https://x/1<!channel>"),), "✅ CI is green: tests"),
        ((replace(GREEN, url="https://x/?a=1&b=2"),), "✅ CI is green: <https://x/?a=1&amp;b=2|tests>"),
        ((MISSING,) * 10, " · ".join(["CI: lint (not reported)", *["lint (not reported)"] * 7, "_and 2 more_"])),
    ],
)
def test_the_plan_says_what_each_check_says(findings: tuple[Finding, ...], line: str) -> None:
    assert line in shown(*findings).splitlines()


def test_a_rollback_says_that_it_needs_none() -> None:
    request = replace(RUNS["awaiting_approval"].request, options=RollbackOptions())
    plan = replace(PLAN, request=request, findings=(ChecksWaived(),))
    run = replace(RUNS["awaiting_approval"], request=request, plan=plan)
    assert "A rollback needs no green CI." in "\n".join(texts(render(run, ctx())[PLAN_SLOT].blocks))


def test_a_refusal_names_the_checks_and_links_the_first() -> None:
    found = problem(
        Reason.CHECKS_NOT_GREEN, sha=NEW, host="github.com", checks="tests (failure)", unreported="", url="https://x/1"
    )
    said = ctx().translator.refusal_text(found)
    assert f"CI is not green for `{NEW[:7]}` at github.com: tests (failure)." in said
    assert "when it is green: <https://x/1|https://x/1>." in said


def test_the_name_of_a_check_stays_as_it_is() -> None:
    assert ctx().translator.fact("CI check unit-tests_on of x") == "CI check unit-tests_on of x"
