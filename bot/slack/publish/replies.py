"""Answers to one person: refusals, hints, log lines. Seen by nobody else."""

from __future__ import annotations

import logging

from bot.slack.render.markup import Markup
from bot.slack.render.message import Message, saying
from bot.slack.transport.gateway import Gateway, SlackRefusedError, SlackUncertainError

_log = logging.getLogger(__name__)


class Answers:
    """Whispers to people.

    Args:
        gateway: to Slack.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def answer(self, channel: str, user: str, text: Markup, *, thread: str | None = None, url: str = "") -> None:
        """Tell somebody something, by whichever way Slack allows.

        Args:
            channel: where they are.
            user: whom.
            text: what.
            thread: the thread in which they are, if they are in one.
            url: the `response_url` of what they did; it also works where the bot is no member of the channel.

        Raises:
            SlackBusyError: Slack asks to wait; nothing was said.
        """
        await self.show(channel, user, saying(text), thread=thread, url=url)

    async def show(
        self, channel: str, user: str, message: Message, *, thread: str | None = None, url: str = ""
    ) -> None:
        """Show somebody a message with blocks; as `answer` otherwise."""
        try:
            if url:
                await self._gateway.respond(url, message)
            else:
                await self._gateway.whisper(channel, user, message, thread)
        except (SlackRefusedError, SlackUncertainError) as error:
            if not url:
                _log.warning("an answer may not have arrived: %s", error)
                return
            await self.show(channel, user, message, thread=thread)
