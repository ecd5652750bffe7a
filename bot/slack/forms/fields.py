"""The fields of forms, each within Slack's limits."""

from __future__ import annotations

from collections.abc import Sequence

from bot.slack.render import markup
from bot.slack.render.catalog import SHORT
from bot.slack.render.message import Block

_MAX_OPTIONS = 100
_MAX_TEXT = 75
_MAX_VALUE = 150
_MAX_LONG_TEXT = 3000


def option(text: str, value: str, description: str = "") -> Block:
    """Build one option of a menu."""
    shown: Block = {"text": _short(text), "value": value[:_MAX_VALUE]}
    return {**shown, "description": _short(description)} if description else shown


def menu(name: str, label: str, options: Sequence[Block], *, chosen: str = "", block: str = "") -> Block:
    """Build a menu with one choice.

    Args:
        name: of the field.
        label: above it.
        options: at least one; those beyond Slack's limit are left out.
        chosen: the value that is preselected.
        block: the ID of its block, if not the name; Slack forgets a choice when the ID changes.
    """
    shown = list(options[:_MAX_OPTIONS])
    initial = [each for each in shown if chosen and each["value"] == chosen]
    element = {
        "type": "static_select",
        "action_id": name,
        "options": shown,
        **({"initial_option": initial[0]} if initial else {}),
    }
    return _input(block or name, label, element)


def radio_buttons(name: str, label: str, options: Sequence[Block]) -> Block:
    """Build radio buttons; the first is preselected."""
    element = {"type": "radio_buttons", "action_id": name, "options": list(options), "initial_option": options[0]}
    return _input(name, label, element)


def checkboxes(name: str, label: str, options: Sequence[Block]) -> Block:
    """Build checkboxes, none of them required."""
    return _input(name, label, {"type": "checkboxes", "action_id": name, "options": list(options)}, optional=True)


def text_input(name: str, label: str, placeholder: str = "", *, longest: int = 200) -> Block:
    """Build an optional text input."""
    element = {"type": "plain_text_input", "action_id": name, "max_length": longest}
    if placeholder:
        element["placeholder"] = plain_text(markup.clip(markup.unmarked(placeholder), 150))
    return _input(name, label, element, optional=True)


def long_text_input(name: str, label: str, placeholder: str) -> Block:
    """Build a text input of several lines that must be filled in, as long as Slack allows."""
    hint = plain_text(markup.clip(markup.unmarked(placeholder), 150))
    element = {
        "type": "plain_text_input",
        "action_id": name,
        "multiline": True,
        "max_length": _MAX_LONG_TEXT,
        "placeholder": hint,
    }
    return _input(name, label, element)


def plain_text(text: str) -> Block:
    """Build plain text."""
    return {"type": "plain_text", "text": markup.unmarked(text), "emoji": True}


def short_text(text: str) -> Block:
    """Build the title, the submit button or the close button of a modal."""
    return plain_text(markup.clip(markup.unmarked(text), SHORT))


def _short(text: str) -> Block:
    return plain_text(markup.clip(markup.plain(markup.unmarked(text)), _MAX_TEXT))


def _input(block: str, label: str, element: Block, *, optional: bool = False) -> Block:
    return {"type": "input", "block_id": block, "label": plain_text(label), "element": element, "optional": optional}
