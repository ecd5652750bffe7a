"""views.*: modals and the App Home."""

from __future__ import annotations

import json
from typing import Any

from bot.playground.block_kit.blocks import check_view
from bot.playground.client.views import View, form_state, view_json
from bot.playground.errors import SlackError
from bot.playground.rate_limits import Tier
from bot.playground.web_api.registry import MethodCall, method
from bot.playground.workspace.state import State

MAX_STACKED = 3
VIEW_BYTES = 250_000


def full_view(state: State, view: View) -> dict[str, Any]:
    """Give the view object of Slack's API, as it is before anybody typed into it."""
    workspace = state.workspace
    values = form_state(view.content["blocks"], {}) if view.content["type"] == "modal" else {}
    return view_json(view, workspace.team.id, workspace.app.id, workspace.app.bot_id, values)


def read_view(state: State, content: object, kind: str) -> dict[str, Any]:
    """Check what an app wants to show as a view, and give its blocks their IDs.

    Args:
        state: hands out the IDs.
        content: decoded JSON.
        kind: `modal` or `home`.

    Raises:
        SlackError: invalid_arguments with every problem, or view_too_large.
    """
    if len(json.dumps(content).encode()) > VIEW_BYTES:
        raise SlackError("view_too_large")
    problems = check_view(content)
    if not isinstance(content, dict) or problems:
        raise SlackError("invalid_arguments", messages=problems)
    if content["type"] != kind:
        raise SlackError("invalid_arguments", messages=[f"must be {kind} [json-pointer:/view/type]"])
    return {**content, "blocks": state.name_blocks(content["blocks"])}


def open_view(state: State, user: str, content: dict[str, Any], previous: View | None) -> View:
    """Show a modal to a person, alone or on top of another.

    Raises:
        SlackError: duplicate_external_id or push_limit_reached.
    """
    external = content.get("external_id")
    if external and any(view.content.get("external_id") == external for view in state.views.values()):
        raise SlackError("duplicate_external_id")
    stack = state.stacks.get(user, []) if previous is not None else []
    if len(stack) >= MAX_STACKED:
        raise SlackError("push_limit_reached")
    identifier = state.next_id("V")
    root = previous.root_id if previous is not None else identifier
    view = View(identifier, user, content, root, previous.id if previous is not None else None)
    view.renew_hash()
    if previous is None:
        forget_views(state, user)
    state.views[view.id] = view
    state.stacks[user] = [*stack, view.id]
    tell_views(state, user)
    return view


def forget_views(state: State, user: str) -> None:
    """Close every modal of a person."""
    for identifier in state.stacks.pop(user, []):
        state.views.pop(identifier, None)


def tell_views(state: State, user: str) -> None:
    """Publish to the feed which modals a person sees, the one on top last."""
    stack = [full_view(state, state.views[identifier]) for identifier in state.stacks.get(user, [])]
    state.changes.publish("views", {"user": user, "views": stack})


@method("views.open", tier=Tier.FOUR)
def open_(call: MethodCall) -> dict[str, Any]:
    """Open a modal with a trigger ID."""
    content = read_view(call.state, call.json("view", "invalid_arguments"), "modal")
    trigger = call.state.triggers.redeem(call.text("trigger_id"))
    view = open_view(call.state, trigger.user, content, None)
    return {"view": full_view(call.state, view)}


@method("views.push", tier=Tier.FOUR)
def push(call: MethodCall) -> dict[str, Any]:
    """Put a modal on top of the one that the trigger ID came from."""
    content = read_view(call.state, call.json("view", "invalid_arguments"), "modal")
    trigger = call.state.triggers.redeem(call.text("trigger_id"))
    previous = call.state.views.get(trigger.view_id or "")
    if previous is None:
        raise SlackError("not_found")
    view = open_view(call.state, trigger.user, content, previous)
    return {"view": full_view(call.state, view)}


@method("views.update", tier=Tier.FOUR)
def update(call: MethodCall) -> dict[str, Any]:
    """Change a modal that is open, found by `view_id` or `external_id`."""
    wanted, external = call.arguments.get("view_id"), call.arguments.get("external_id")
    found = [
        view
        for view in call.state.views.values()
        if (wanted and view.id == wanted) or (external and view.content.get("external_id") == external)
    ]
    if not found:
        raise SlackError("not_found")
    view = found[0]
    _check_hash(call, view)
    replace_content(call.state, view, read_view(call.state, call.json("view", "invalid_arguments"), "modal"))
    return {"view": full_view(call.state, view)}


def replace_content(state: State, view: View, content: dict[str, Any]) -> None:
    """Let a modal show something else."""
    view.content = content
    view.renew_hash()
    tell_views(state, view.user)


def _check_hash(call: MethodCall, view: View) -> None:
    if call.arguments.get("hash") and call.arguments["hash"] != view.hash:
        raise SlackError("hash_conflict")


@method("views.publish", tier=Tier.FOUR)
def publish(call: MethodCall) -> dict[str, Any]:
    """Set the Home tab of a person."""
    user = call.text("user_id")
    if user not in call.state.people or call.state.people[user].is_bot:
        raise SlackError("user_not_found")
    content = read_view(call.state, call.json("view", "invalid_arguments"), "home")
    view = call.state.homes.get(user)
    if view is None:
        identifier = call.state.next_id("V")
        view = View(identifier, user, content, identifier)
        call.state.homes[user] = view
    else:
        _check_hash(call, view)
        view.content = content
    view.renew_hash()
    shown = full_view(call.state, view)
    call.state.changes.publish("home", {"user": user, "view": shown})
    return {"view": shown}
