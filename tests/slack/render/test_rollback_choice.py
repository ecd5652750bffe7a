"""What approvers read about how a rollback goes back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.runs.findings import RollbackChoice, RollbackReason, RollbackWay
from bot.slack.render.cards.approval.rollback_choice import rollback_choice
from tests.slack.support.runs import MIGRATION, PLAN, ctx


@pytest.mark.parametrize(
    ("way", "why", "other"),
    [
        (RollbackWay.CODE_AND_MIGRATIONS, RollbackReason.NEWER_MIGRATIONS, "`--code` leaves the schema as it is."),
        (RollbackWay.RESTORE, RollbackReason.DESTROYED, "Alternatively, `--migrations 1` undoes the migrations"),
        (RollbackWay.CODE, RollbackReason.SAME_SCHEMA, ""),
        (RollbackWay.RESTORE, RollbackReason.ASKED, ""),
    ],
)
def test_the_other_way_is_offered_unless_one_was_asked_for(way: RollbackWay, why: RollbackReason, other: str) -> None:
    finding = RollbackChoice(way, why, ("users.email",))
    plan = replace(PLAN, undo=(MIGRATION,), findings=(finding,))
    text = rollback_choice(plan, ctx())
    assert other in text
    assert ("`--" in text) == bool(other)
