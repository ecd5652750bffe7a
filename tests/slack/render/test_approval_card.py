"""What a request to approve shows by itself: who decides on a phone reads it before the plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.runs.basis import checked_out
from bot.domain.runs.findings import BackupToRestore, RollbackChoice, RollbackReason, RollbackWay
from bot.domain.runs.plan import Plan
from bot.slack.render.run_messages import render
from tests.slack.support.runs import MIGRATION, PLAN, RUNS, ctx

NOW = datetime(2025, 11, 17, 9, tzinfo=UTC)


def request_of(plan: Plan) -> str:
    """What the blocks of a request to approve say."""
    request = render(replace(RUNS["awaiting_approval"], plan=plan), ctx())["approval"]
    return "\n".join(block["text"]["text"] for block in request.blocks if block["type"] == "section")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "🔧 It takes the site down."),
        (
            {
                "undo": (MIGRATION,),
                "findings": (RollbackChoice(RollbackWay.CODE_AND_MIGRATIONS, RollbackReason.NEWER_MIGRATIONS, ()),),
            },
            "↩️ *Back to the previous code, and 1 migration undone*.",
        ),
        (
            {"findings": (BackupToRestore("B-1", "compte", (), NOW, old="compte_old"),)},
            "⚠️ *It replaces all of `compte` with the data of <!date^",
        ),
        (
            {"findings": (BackupToRestore("B-1", "compte", ("users",), NOW, old="compte_old"),)},
            "⚠️ *It replaces the tables users of `compte` with the data of <!date^",
        ),
    ],
)
def test_a_request_shows_what_it_risks_without_the_plan(change: dict[str, Any], said: str) -> None:
    assert said in request_of(replace(PLAN, commits=(), **change))


def test_a_request_whose_commit_has_no_subject_says_from_where_to_where() -> None:
    assert PLAN.sha is not None
    basis = PLAN.basis | checked_out("web1", "167a780" + "0" * 33)
    assert f"`167a780` → `{PLAN.sha.short}`" in request_of(replace(PLAN, commits=(), basis=basis))
