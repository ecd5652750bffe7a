"""Every payload that the bot can send, as the goldens render them and as acceptance runs sent them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.slack.forms import FORMS
from bot.slack.forms.view import form_view
from bot.slack.render.cards.status.home_card import home_card
from bot.slack.render.message import Message, with_objects_alone
from bot.slack.render.run_messages import render
from tests.slack.forms.test_forms import FORM_STATES
from tests.slack.support.dashboards import COCKPITS, home_scene
from tests.slack.support.runs import RUNS, ctx

RECORDED = os.environ.get("COUNTERSIGN_PAYLOADS", "")
"""A folder with the calls of acceptance runs (tests/acceptance/conftest.py), one JSON file a system."""


def messages() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the messages by name."""
    for name, run in RUNS.items():
        for slot, message in render(run, ctx()).items():
            yield f"{name} {slot}", payload(message)


def payload(message: Message) -> dict[str, Any]:
    """Give a message as it is posted, with metadata as they are sent where lists of texts are refused.

    Slack's types know no lists of texts; Slack itself takes them (`pending` of a plan is one), and the bot falls back.
    """
    metadata = with_objects_alone(message).metadata
    return {"text": message.text, "blocks": list(message.blocks), **({"metadata": metadata} if metadata else {})}


def views() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the forms and App Homes by name."""
    for command, form in FORMS.items():
        for name, state in FORM_STATES.items():
            yield f"form {command} {name}", form_view(form, state, home_scene())
    for name, view in COCKPITS.items():
        yield f"home {name}", home_card(view, {}, home_scene())


def recorded() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give the recorded calls of acceptance runs: name, method, arguments."""
    for file in sorted(Path(RECORDED).glob("*.json")) if RECORDED else ():
        for number, call in enumerate(json.loads(file.read_text())):
            yield f"{file.stem} {number}", call["method"], call["arguments"]
