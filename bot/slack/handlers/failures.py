"""Replies to people whose command, form or button could not be handled after all attempts."""

from __future__ import annotations

import json

from bot.domain.inbox import EventKind
from bot.slack.context import SlackContext
from bot.slack.handlers.button_press import read_press
from bot.slack.publish.replies import Sender
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
        sender = _sender(kind, received)
        if sender is None:
            return
        try:
            translator = await self._context.translator_for(sender.user)
            await self._context.replies.send_text(sender, translator.translate("answer.failed"))
        except SlackBusyError:
            return  # the failure is in the log


def _sender(kind: EventKind, received: ReceivedEvent) -> Sender | None:
    payload = received.payload
    match kind:
        case EventKind.COMMAND:
            url = str(payload.get("response_url") or "")
            return Sender(str(payload["user_id"]), str(payload["channel_id"]), url=url)
        case EventKind.BUTTON:
            press = read_press(received)
            channel = str((payload.get("channel") or {}).get("id", ""))
            return press.sender if press is not None else Sender(str(payload["user"]["id"]), channel)
        case EventKind.VIEW:
            about = json.loads(payload["view"].get("private_metadata") or "{}")
            return Sender(str(payload["user"]["id"]), str(about.get("channel", "")))
        case EventKind.FILE:
            return Sender(str(payload["event"].get("user_id") or ""), str(payload["event"].get("channel_id") or ""))
        case EventKind.REACTION | EventKind.HOME | EventKind.OTHER:
            return None
