"""Reads where the history was anchored in Slack: the metadata of the bot's own result messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from bot.domain.runs.history import SLACK, Anchor, Head
from bot.slack.render.cards.run.anchor import RESULT_TYPE, anchor_in
from bot.slack.render.cards.run.run_card import CARD_TYPE
from bot.slack.transport.gateway import BotIdentity, Gateway, SlackBusyError, SlackRefusedError, SlackUncertainError

_Trouble = (SlackRefusedError, SlackBusyError, SlackUncertainError)


@dataclass(frozen=True)
class SlackAnchors:
    """What was read in Slack.

    Args:
        anchors: of the newest runs of each channel.
        unread: why a channel could not be read, by its ID; by an empty text where none could.
    """

    anchors: tuple[Anchor, ...]
    unread: Mapping[str, str]


async def read_anchors(gateway: Gateway, channels: Iterable[str], runs: int) -> SlackAnchors:
    """Read the anchors in the threads of the newest run cards of each channel.

    Args:
        gateway: to Slack.
        channels: Slack's IDs of channels.
        runs: maximum number of runs per channel; each costs one call.
    """
    try:
        bot = await gateway.identity()
    except _Trouble as error:
        return SlackAnchors((), {"": str(error)})
    anchors: list[Anchor] = []
    unread: dict[str, str] = {}
    for channel in sorted(set(channels)):
        try:
            messages = await gateway.channel_messages(channel, 0)
            cards = (message for message in messages if _payload(bot, message, CARD_TYPE) is not None)
            for card in islice(cards, runs):
                anchors += _anchors(bot, await gateway.thread_messages(channel, str(card["ts"])))
        except _Trouble as error:
            unread[channel] = str(error)
    return SlackAnchors(tuple(anchors), unread)


def posted_anchor(messages: Iterable[Mapping[str, Any]], ts: str) -> Head | None:
    """Find the anchor in one of several messages; None where the message is not there or has none."""
    message = next((message for message in messages if str(message.get("ts")) == ts), {})
    return anchor_in((message.get("metadata") or {}).get("event_payload") or {})


def _payload(bot: BotIdentity, message: Mapping[str, Any], event_type: str) -> Mapping[str, Any] | None:
    """Give the metadata of a message of this bot; None where it is another message."""
    metadata = message.get("metadata") or {}
    author, own = ("bot_id", bot.bot) if message.get("bot_id") else ("user", bot.user)
    if not own or message.get(author) != own or metadata.get("event_type") != event_type:
        return None
    payload = metadata.get("event_payload")
    return payload if isinstance(payload, Mapping) else None


def _anchors(bot: BotIdentity, messages: Iterable[Mapping[str, Any]]) -> Iterator[Anchor]:
    for message in messages:
        head = anchor_in(_payload(bot, message, RESULT_TYPE) or {})
        if head is not None:
            at = datetime.fromtimestamp(float(message["ts"]), UTC)
            yield Anchor(head, SLACK, at.isoformat(timespec="seconds"))
