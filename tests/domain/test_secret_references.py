"""A plan that is stored names secrets instead of holding them, and nobody can forge such a name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import Reason, RefusedError
from bot.domain.runs.acts import Health
from bot.domain.runs.plan_json import plan_from_json, plan_to_json
from bot.domain.secret_references import hide_secrets, reveal_secrets
from bot.domain.secrets import Secret
from tests.store.support.samples import PLAN

VARIABLES = {"HEALTH_TOKEN": Secret("s3cr3t/t0ken"), "OTHER": Secret("s3cr3t")}


@given(st.lists(st.one_of(st.text("ab⟦⟧ "), st.sampled_from(["s3cr3t/t0ken", "s3cr3t", "⟦OTHER⟧"]))).map("".join))
def test_any_text_comes_back_as_it_was(text: str) -> None:
    hidden = hide_secrets(text, VARIABLES)
    assert "s3cr3t" not in hidden
    assert reveal_secrets(hidden, VARIABLES) == text


def test_a_stored_plan_holds_no_secret() -> None:
    step = replace(PLAN.steps[-1], act=Health("https://compte.example.com/up?token=s3cr3t/t0ken", 3))
    plan = replace(PLAN, steps=(*PLAN.steps[:-1], step))
    hidden = hide_secrets(plan, VARIABLES)
    assert hidden.steps[-1].act == Health("https://compte.example.com/up?token=⟦HEALTH_TOKEN⟧", 3)
    assert reveal_secrets(plan_from_json(plan_to_json(hidden)), VARIABLES) == plan


def test_what_somebody_else_wrote_is_no_reference() -> None:
    hidden = hide_secrets("git fetch origin ⟦OTHER⟧", VARIABLES)
    assert reveal_secrets(hidden, VARIABLES) == "git fetch origin ⟦OTHER⟧"


def test_a_variable_that_is_gone_is_said() -> None:
    with pytest.raises(RefusedError) as refused:
        reveal_secrets(hide_secrets("x s3cr3t", VARIABLES), {})
    assert refused.value.problem.reason is Reason.MOVED
    assert "variable OTHER" in refused.value.problem.facts
