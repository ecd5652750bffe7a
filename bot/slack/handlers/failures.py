"""Replies to people whose command, form or button could not be handled after all attempts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.domain.inbox import EventKind
from bot.slack.context import SlackContext
from bot.slack.transport.gateway import SlackBusyError
from bot.slack.transport.inbox import ReceivedEvent


class FailureHandler:
    """Replies to the sender of an event that failed; reactions and App Home events get no reply.

    Args:
        context: what the conversation shares.
    """

    def __init__(self, context: SlackContext) -> None:
        self._context = context

    async def __call__(self, kind: EventKind, received: ReceivedEvent) -> None:
        """Reply to the sender of the event."""
        sender = _user_and_channel(kind, received.payload)
        if sender is None:
            return
        user, channel = sender
        try:
            await self._context.replies.send_text(channel, user, self._context.translator.translate("answer.failed"))
        except SlackBusyError:
            return  # the failure is in the log


def _user_and_channel(kind: EventKind, payload: Mapping[str, Any]) -> tuple[str, str] | None:
    match kind:
        case EventKind.COMMAND:
            return str(payload["user_id"]), str(payload["channel_id"])
        case EventKind.BUTTON:
            return str(payload["user"]["id"]), str((payload.get("channel") or {}).get("id", ""))
        case EventKind.VIEW:
            about = json.loads(payload["view"].get("private_metadata") or "{}")
            return str(payload["user"]["id"]), str(about.get("channel", ""))
        case EventKind.REACTION | EventKind.HOME | EventKind.OTHER:
            return None
