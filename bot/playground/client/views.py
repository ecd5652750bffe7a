"""Modals and Home tabs: what they hold, and what a person's input in them amounts to."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FormValues = Mapping[str, Mapping[str, Any]]
"""What a person typed and chose: block_id → action_id → text, value of an option, or list of them."""


@dataclass
class View:
    """A modal or Home tab that is shown to one person."""

    id: str
    user: str
    content: dict[str, Any]
    root_id: str
    previous_id: str | None = None
    hash: str = ""

    def renew_hash(self) -> None:
        """Mark the view as changed, so that updates meant for the earlier one are refused."""
        self.hash = secrets.token_hex(8)


_OPTIONAL_KEYS = ("private_metadata", "callback_id", "external_id")


def view_json(view: View, team: str, app: str, bot: str, values: dict[str, Any]) -> dict[str, Any]:
    """Give the view object of Slack's API.

    Args:
        view: the view.
        team: workspace ID.
        app: app ID.
        bot: bot ID.
        values: `state.values`, as `form_state` makes them.
    """
    content = view.content
    return {
        "id": view.id,
        "team_id": team,
        "type": content["type"],
        "blocks": content["blocks"],
        **{key: content.get(key) or "" for key in _OPTIONAL_KEYS},
        "title": content.get("title") or {"type": "plain_text", "text": "View Title", "emoji": True},
        "submit": content.get("submit"),
        "close": content.get("close"),
        "clear_on_close": bool(content.get("clear_on_close")),
        "notify_on_close": bool(content.get("notify_on_close")),
        "submit_disabled": bool(content.get("submit_disabled")),
        "state": {"values": values},
        "hash": view.hash,
        "root_view_id": view.root_id,
        "previous_view_id": view.previous_id,
        "app_id": app,
        "app_installed_team_id": team,
        "bot_id": bot,
        "user": view.user,
    }


def options_of(element: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the options of a select, overflow, checkboxes or radio buttons; groups are flattened."""
    groups = element.get("option_groups") or []
    return [*(element.get("options") or []), *(option for group in groups for option in group["options"])]


def elements_of(block: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the interactive elements of a block."""
    found = [block[key] for key in ("element", "accessory") if isinstance(block.get(key), dict)]
    if block["type"] == "actions":
        found.extend(block["elements"])
    return [element for element in found if element.get("type") not in ("image", None)]


_SINGLE = ("static_select", "radio_buttons", "overflow")
_SEVERAL = ("multi_static_select", "checkboxes")
_PLAIN_KEYS = {
    "users_select": "selected_user",
    "multi_users_select": "selected_users",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
}
_INITIAL_KEYS = {
    "users_select": "initial_user",
    "multi_users_select": "initial_users",
    "datepicker": "initial_date",
    "timepicker": "initial_time",
}


def element_state(element: Mapping[str, Any], given: Any) -> dict[str, Any]:
    """Give an element's value as in `state.values` and `actions` of a payload.

    Args:
        element: the element of the block.
        given: what the person typed or chose: a text, the value of an option, a list of values;
            None leaves what the app preset.

    Raises:
        KeyError: the value of an option that the element does not have.
    """
    kind = element["type"]
    if kind in _SINGLE:
        return {"type": kind, "selected_option": _option(element, given)}
    if kind in _SEVERAL:
        if given is None:
            return {"type": kind, "selected_options": list(element.get("initial_options") or [])}
        return {"type": kind, "selected_options": [_option(element, value) for value in given]}
    if kind in _PLAIN_KEYS:
        preset = element.get(_INITIAL_KEYS[kind], [] if kind.startswith("multi") else None)
        return {"type": kind, _PLAIN_KEYS[kind]: preset if given is None else given}
    if kind == "button":
        return {"type": kind}
    value = element.get("initial_value") if given is None else given
    return {"type": kind, "value": value or None}


def _option(element: Mapping[str, Any], given: Any) -> dict[str, Any] | None:
    if given is None:
        return element.get("initial_option")
    for option in options_of(element):
        if option["value"] == given:
            return option
    raise KeyError(given)


def form_state(blocks: list[dict[str, Any]], given: FormValues) -> dict[str, Any]:
    """Give `state.values` for blocks and what a person typed and chose.

    Raises:
        KeyError: the value of an option that an element does not have.
    """
    values: dict[str, Any] = {}
    for block in blocks:
        for element in elements_of(block):
            if element["type"] in ("button", "overflow"):
                continue
            block_values = values.setdefault(block["block_id"], {})
            typed = given.get(block["block_id"], {}).get(element["action_id"])
            block_values[element["action_id"]] = element_state(element, typed)
    return values


_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def form_errors(blocks: list[dict[str, Any]], values: Mapping[str, Any]) -> dict[str, str]:
    """List what the client itself refuses to submit, by block ID, before the app receives anything.

    Args:
        blocks: the view's blocks.
        values: `state.values`, as `form_state` makes them.
    """
    errors: dict[str, str] = {}
    for block in blocks:
        if block["type"] != "input":
            continue
        element = block["element"]
        held = values[block["block_id"]][element["action_id"]]
        content = next((value for key, value in held.items() if key != "type"), None)
        if not content:
            if not block.get("optional"):
                errors[block["block_id"]] = "Please complete this required field."
            continue
        problem = _typed_error(element, content)
        if problem:
            errors[block["block_id"]] = problem
    return errors


def _typed_error(element: Mapping[str, Any], content: Any) -> str | None:
    kind = element["type"]
    if kind == "plain_text_input":
        if len(content) < element.get("min_length", 0):
            return f"Enter at least {element['min_length']} characters."
        if len(content) > element.get("max_length", 3000):
            return f"Enter at most {element.get('max_length', 3000)} characters."
    if kind == "number_input" and not _NUMBER.fullmatch(content):
        return "Enter a number."
    if kind == "email_text_input" and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", content):
        return "Enter an email address."
    if kind == "url_text_input" and not re.fullmatch(r"https?://\S+", content):
        return "Enter a URL, with http:// or https://."
    return None
