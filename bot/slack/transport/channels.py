"""In which channels the bot can post, as Slack said last."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping

from bot.domain.errors import Problem, Reason, problem
from bot.slack.transport.gateway import (
    BotIdentity,
    Gateway,
    SlackBusyError,
    SlackRefusedError,
    SlackUncertainError,
)
from bot.slack.transport.read_cache import ReadCache
from bot.slack.transport.refusals import CLOSED

_FRESH_SECONDS = 60.0
"""How long an answer that a channel is open is believed; every other answer is asked for again."""

_NAME_SECONDS = 3600.0


class SlackChannels:
    """Implements `bot.engine.ports.Channels`, and names channels.

    Without the scopes `channels:read` and `groups:read` nobody can tell before a message is refused.

    Args:
        gateway: Slack's Web API.
        identity: returns who the bot is.
    """

    def __init__(self, gateway: Gateway, identity: Callable[[], BotIdentity]) -> None:
        self._gateway = gateway
        self._identity = identity
        self._open: dict[str, float] = {}
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._abouts = ReadCache(lambda channel: gateway.channel_info(channel))
        self._members = ReadCache(lambda channel: gateway.channel_members(channel))
        self._refused: dict[str, str] = {}

    @property
    def unreachable(self) -> Mapping[str, str]:
        """The channels in which a message was refused since one was accepted, with Slack's own name of the reason."""
        return dict(self._refused)

    async def closed(self, channel: str) -> Problem | None:
        """Give the problem because of which nothing can be posted in a channel; None where it can or nobody knows."""
        async with self._asking[channel]:
            if time.monotonic() - self._open.get(channel, -_FRESH_SECONDS) < _FRESH_SECONDS:
                return None
            return await self._ask(channel)

    async def _ask(self, channel: str) -> Problem | None:
        try:
            about = await self._gateway.channel_info(channel)
        except SlackRefusedError as refused:
            if refused.error not in CLOSED or not self._sees_private_channels:
                return None
            return self._problem(CLOSED[refused.error], channel)
        except (SlackBusyError, SlackUncertainError):
            return None
        if about.get("is_archived"):
            return self._problem(Reason.CHANNEL_ARCHIVED, channel)
        if about.get("is_member") is False:
            return self._problem(Reason.NOT_IN_CHANNEL, channel)
        self._open[channel] = time.monotonic()
        return None

    def accepted(self, channel: str) -> None:
        """Note that a message was accepted in a channel."""
        self._refused.pop(channel, None)
        self._open[channel] = time.monotonic()

    def refused(self, channel: str, error: str) -> None:
        """Note that a message was refused because of its channel.

        Args:
            channel: Slack's ID.
            error: Slack's own name of the reason.
        """
        self._refused[channel] = error
        self._open.pop(channel, None)

    async def members(self, channel: str) -> frozenset[str] | None:
        """Return who is in a channel; None where Slack does not say, as without the scopes."""
        return await self._members.get(channel, _FRESH_SECONDS)

    async def names(self, channels: frozenset[str]) -> dict[str, str]:
        """Look up the names of channels, without `#`; those that cannot be looked up are missing."""
        abouts = {channel: await self._abouts.get(channel, _NAME_SECONDS) for channel in sorted(channels)}
        found = {channel: str(about.get("name") or "") for channel, about in abouts.items() if about is not None}
        return {channel: name for channel, name in found.items() if name}

    @property
    def _sees_private_channels(self) -> bool:
        """Whether `channel_not_found` means that the bot is no member: without the scope it means nothing."""
        return "groups:read" in self._identity().scopes

    def _problem(self, reason: Reason, channel: str) -> Problem:
        return problem(reason, channel=channel, bot=self._identity().user)
