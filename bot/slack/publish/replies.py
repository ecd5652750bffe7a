"""Replies to one person, seen by nobody else: refusals, hints, answers, log lines."""

from __future__ import annotations

import logging

from bot.slack.render.markup import Markup
from bot.slack.render.message import Message, text_message
from bot.slack.transport.gateway import Gateway, SlackRefusedError, SlackUncertainError

_log = logging.getLogger(__name__)


class Replies:
    """Sends messages that only one person sees.

    Args:
        gateway: Slack's Web API.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def send_text(self, channel: str, user: str, text: Markup, *, url: str = "") -> None:
        """Send a text; as `send` otherwise."""
        await self.send(channel, user, text_message(text), url=url)

    async def send(self, channel: str, user: str, message: Message, *, url: str = "") -> None:
        """Send a message at the `response_url`, or as an ephemeral message where there is none or it does not work.

        Args:
            channel: where the person is.
            user: who reads it.
            message: what is sent.
            url: the `response_url` of what the person did; it also works where the bot is no member of the channel.

        Raises:
            SlackBusyError: Slack asks to wait; nothing was sent.
        """
        try:
            if url:
                await self._gateway.respond(url, message)
            else:
                await self._gateway.post_ephemeral(channel, user, message, None)
        except (SlackRefusedError, SlackUncertainError) as error:
            if not url:
                _log.warning("a reply may not have arrived: %s", error)
                return
            await self.send(channel, user, message)
