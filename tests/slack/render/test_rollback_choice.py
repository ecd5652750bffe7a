"""What approvers read about how a rollback goes back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.runs.plan import Finding
from bot.slack.render.cards.approval.rollback_choice import rollback_choice
from tests.slack.support.runs import MIGRATION, PLAN, ctx


@pytest.mark.parametrize(
    ("way", "why", "other"),
    [
        ("code_and_migrations", "newer_migrations", "`--code` leaves the schema as it is."),
        ("restore", "destroyed", "Instead: `--migrations 1` undoes the migrations"),
        ("code", "same_schema", ""),
        ("restore", "asked", ""),
    ],
)
def test_the_other_way_is_offered_unless_one_was_asked_for(way: str, why: str, other: str) -> None:
    finding = Finding("rollback", {"way": way, "why": why, "what": "users.email"})
    plan = replace(PLAN, undo=(MIGRATION,), findings=(finding,))
    text = rollback_choice(plan, ctx())
    assert other in text
    assert ("`--" in text) == bool(other)
