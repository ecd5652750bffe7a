"""Commands that could not be recorded in time: nothing is done, and who typed them is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.background import TaskSet
from bot.slack.context import SlackContext
from bot.slack.publish.replies import Sender
from bot.slack.transport.gateway import SlackBusyError


class NotTakenInNotice:
    """Tells who typed a command that it was not taken in, without the store.

    Args:
        context: what the conversation shares.
    """

    def __init__(self, context: SlackContext) -> None:
        self._context = context
        self._telling = TaskSet()

    def __call__(self, body: Mapping[str, Any]) -> None:
        """Tell who typed a command; returns at once."""
        self._telling.start(self._tell(body), "not-taken-in")

    async def aclose(self) -> None:
        """Cancel what is going on."""
        await self._telling.aclose()

    async def _tell(self, body: Mapping[str, Any]) -> None:
        url = str(body.get("response_url") or "")
        sender = Sender(str(body.get("user_id") or ""), str(body.get("channel_id") or ""), url=url)
        typed = f"{body.get('command', '')} {body.get('text', '')}".strip()
        locale = self._context.directory.known_locale(str(body.get("user_id") or ""))
        translator = self._context.translators.ready(locale)
        text = translator.translate("answer.not_taken_in", typed=self._context.masker.mask(typed))
        try:
            await self._context.replies.send_text(sender, text)
        except SlackBusyError:
            return  # Slack itself says that the command failed
