"""Replies to one person, seen by nobody else: refusals, hints, answers, log lines."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from bot.slack.render.markup import Markup
from bot.slack.render.message import Message, text_message
from bot.slack.transport.gateway import Gateway, SlackRefusedError, SlackUncertainError
from bot.slack.transport.refusals import RefusalKind, kind_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sender:
    """A person who did something in Slack, and where they see an answer.

    Args:
        user: Slack's ID of the person.
        channel: where they did it; empty on the App Home.
        thread: the parent of the thread in which they did it; empty outside of one.
        url: the `response_url` of what they did; it also works where the bot is no member of the channel. Empty where
            Slack gave none.
    """

    user: str
    channel: str
    thread: str = ""
    url: str = ""


Way = Callable[[Sender, Message], Awaitable[bool]]
"""Sends a message to a person; returns whether there is such a way to them."""


class Replies:
    """Sends messages that only one person sees.

    Args:
        gateway: Slack's Web API.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def send_text(self, sender: Sender, text: Markup) -> None:
        """Send a text; as `send` otherwise."""
        await self.send(sender, text_message(text))

    async def send(self, sender: Sender, message: Message) -> None:
        """Send a message to a person where they are: in a thread as an ephemeral message, else at the `response_url`.

        Where one way is refused, the other is tried, and at last a direct message.

        Raises:
            SlackBusyError: Slack asks to wait; nothing was sent.
        """
        ways = [self._post, self._respond] if sender.thread else [self._respond, self._post]
        for way in (*ways, self._direct):
            try:
                if await _with_text_alone(way, sender, message):
                    return
            except (SlackRefusedError, SlackUncertainError) as error:
                _log.warning("a reply may not have arrived: %s", error)

    async def replace(self, sender: Sender, message: Message) -> None:
        """Send a message in place of what the acknowledgement of a command showed; beside it where that fails.

        Raises:
            SlackBusyError: Slack asks to wait; nothing was sent.
        """
        try:
            await self._gateway.replace_response(sender.url, message)
        except (SlackRefusedError, SlackUncertainError) as error:
            _log.warning("a reply may not have replaced the first one: %s", error)
            await self.send(sender, message)

    async def _respond(self, sender: Sender, message: Message) -> bool:
        if sender.url:
            await self._gateway.respond(sender.url, message, sender.thread)
        return bool(sender.url)

    async def _direct(self, sender: Sender, message: Message) -> bool:
        await self._gateway.post(sender.user, message, None)
        return True

    async def _post(self, sender: Sender, message: Message) -> bool:
        if sender.channel:
            await self._gateway.post_ephemeral(sender.channel, sender.user, message, sender.thread or None)
        return bool(sender.channel)


async def _with_text_alone(way: Way, sender: Sender, message: Message) -> bool:
    """Send a message one way, again without blocks where these are refused; return whether that way is there."""
    try:
        return await way(sender, message)
    except SlackRefusedError as refused:
        if kind_of(refused.error) is not RefusalKind.BLOCKS:
            raise
        return await way(sender, replace(message, blocks=()))
