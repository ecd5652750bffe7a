"""The payload of a pressed button."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.slack.publish.replies import Sender
from bot.slack.transport.inbox import ReceivedEvent


@dataclass(frozen=True)
class ButtonPress:
    """A press of a button.

    Args:
        action: its `action_id`.
        value: its `value`: the ID of a run, or words.
        user: Slack's ID of who pressed it.
        channel: where; empty on the App Home.
        thread: the parent of the thread in which it was pressed; empty outside of one.
        url: the `response_url`; empty where Slack gave none.
        event: the identity of the event.
        trigger: opens a modal within three seconds; may be empty.
    """

    action: str
    value: str
    user: str
    channel: str
    thread: str
    url: str
    event: str
    trigger: str

    @property
    def sender(self) -> Sender:
        """Who pressed it, and where an answer is seen."""
        return Sender(self.user, self.channel, self.thread, self.url)


def read_press(received: ReceivedEvent) -> ButtonPress | None:
    """Read the payload of a button; None where it has no value."""
    body: Mapping[str, Any] = received.payload
    element = (body.get("actions") or [{}])[0]
    if not element.get("value"):
        return None
    container, shown = body.get("container") or {}, body.get("message") or {}
    channel = (body.get("channel") or {}).get("id") or container.get("channel_id") or ""
    thread = container.get("thread_ts") or shown.get("thread_ts") or ""
    # The parent of a thread, such as a run card, names itself; it is pressed in the channel.
    is_parent = thread == (container.get("message_ts") or shown.get("ts"))
    return ButtonPress(
        action=str(element.get("action_id")),
        value=str(element["value"]),
        user=str(body["user"]["id"]),
        channel=str(channel),
        thread="" if is_parent else str(thread),
        url=str(body.get("response_url") or ""),
        event=received.id,
        trigger=str(body.get("trigger_id") or ""),
    )
