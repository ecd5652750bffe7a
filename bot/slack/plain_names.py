"""What people, channels and user groups are called, for texts without mentions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bot.slack.transport.channels import SlackChannels
from bot.slack.transport.directory import SlackDirectory


async def plain_names(
    directory: SlackDirectory, channels: SlackChannels, identifiers: frozenset[str], seconds: float
) -> Mapping[str, str]:
    """Look up what IDs are called; those that cannot be looked up are missing, as all are when it takes too long.

    Args:
        directory: knows people and user groups.
        channels: knows channels.
        identifiers: Slack's IDs.
        seconds: limit.
    """
    users = frozenset(each for each in identifiers if each[:1] in ("U", "W"))
    groups = frozenset(each for each in identifiers if each[:1] == "S")
    places = frozenset(each for each in identifiers if each[:1] in ("C", "G", "D"))
    try:
        async with asyncio.timeout(seconds):
            found = await asyncio.gather(directory.names(users), directory.handles(groups), channels.names(places))
    except TimeoutError:
        return {}
    return {identifier: name for names in found for identifier, name in names.items()}
