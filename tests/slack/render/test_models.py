"""Slack's Python SDK as a second judge of every card: its models know each field and their limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from bot.slack.forms import FORMS
from bot.slack.forms.view import form_view
from bot.slack.render.cards.status.home_card import home_card
from bot.slack.render.run_messages import render
from tests.slack.forms.test_forms import FORM_STATES
from tests.slack.support.dashboards import COCKPITS, home_scene
from tests.slack.support.runs import RUNS, ctx


def hold_against_models(blocks: Iterable[Mapping[str, Any]]) -> None:
    """Have each block parsed, its limits checked, and compare what the models know of it."""
    for block in blocks:
        model = Block.parse(dict(block))
        assert model is not None, block
        model.validate_json()
        assert model.to_dict() == block, "a field that the model does not know is lost"


@pytest.mark.parametrize("name", RUNS)
def test_messages(name: str) -> None:
    for message in render(RUNS[name], ctx()).values():
        hold_against_models(message.blocks)


@pytest.mark.parametrize("state", FORM_STATES.values(), ids=FORM_STATES)
@pytest.mark.parametrize("command", FORMS)
def test_forms(command: str, state: Any) -> None:
    view = form_view(FORMS[command], state, home_scene())
    View(**view).validate_json()
    hold_against_models(view["blocks"])


@pytest.mark.parametrize("name", COCKPITS)
def test_homes(name: str) -> None:
    view = home_card(COCKPITS[name], {}, home_scene())
    View(**view).validate_json()
    hold_against_models(view["blocks"])
