"""The payload of a pressed button."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.slack.transport.inbox import ReceivedEvent


@dataclass(frozen=True)
class ButtonPress:
    """A press of a button.

    Args:
        action: its `action_id`.
        value: its `value`: the ID of a run, or words.
        user: Slack's ID of who pressed it.
        channel: where; empty on the App Home.
        event: the identity of the event.
        trigger: opens a modal within three seconds; may be empty.
    """

    action: str
    value: str
    user: str
    channel: str
    event: str
    trigger: str


def read_press(received: ReceivedEvent) -> ButtonPress | None:
    """Read the payload of a button; None where it has no value."""
    body: Mapping[str, Any] = received.payload
    element = (body.get("actions") or [{}])[0]
    if not element.get("value"):
        return None
    channel = (body.get("channel") or {}).get("id") or (body.get("container") or {}).get("channel_id") or ""
    return ButtonPress(
        action=str(element.get("action_id")),
        value=str(element["value"]),
        user=str(body["user"]["id"]),
        channel=str(channel),
        event=received.id,
        trigger=str(body.get("trigger_id") or ""),
    )
