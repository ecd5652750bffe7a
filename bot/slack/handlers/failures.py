"""What somebody is told when their command, form or button could not be handled, however often it was tried."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.domain.inbox import EventKind
from bot.slack.publish.replies import Answers
from bot.slack.render.text import Translator
from bot.slack.transport.gateway import SlackBusyError
from bot.slack.transport.inbox import Received


class FailureHandler:
    """Tells people; events that nobody waits for are passed over.

    Args:
        answers: to people.
        translator: of the language that is spoken.
    """

    def __init__(self, answers: Answers, translator: Translator) -> None:
        self._answers = answers
        self._translator = translator

    async def __call__(self, kind: EventKind, received: Received) -> None:
        """Tell whoever is behind the event."""
        asked = _who_and_where(kind, received.payload)
        if asked is None:
            return
        user, channel = asked
        try:
            await self._answers.answer(channel, user, self._translator.say("answer.failed"))
        except SlackBusyError:
            return  # the log has it


def _who_and_where(kind: EventKind, payload: Mapping[str, Any]) -> tuple[str, str] | None:
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
