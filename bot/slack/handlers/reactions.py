"""A reaction was added or removed: the engine reads all reactions again."""

from __future__ import annotations

from bot.slack.context import SlackContext
from bot.slack.transport.inbox import ReceivedEvent


class ReactionHandler:
    """Wakes the run that a reaction is about.

    Args:
        context: what the conversation shares.
    """

    def __init__(self, context: SlackContext) -> None:
        self._context = context
        self._engine = context.engine
        self._messages = context.messages

    async def __call__(self, received: ReceivedEvent) -> None:
        """Wake the run; if the message is not known (yet), every run of the channel that waits for approval."""
        event = received.payload["event"]
        item = event.get("item") or {}
        if item.get("type") != "message" or not self._may_count(str(event.get("reaction") or "")):
            return
        channel, ts = str(item["channel"]), str(item["ts"])
        posted = await self._messages.find(channel, ts)
        if posted is not None:
            self._engine.wake(posted.run)
            return
        for identifier in await self._engine.awaiting():
            run = await self._engine.get(identifier)
            if run is not None and run.request.origin.channel == channel:
                self._engine.wake(identifier)

    def _may_count(self, emoji: str) -> bool:
        return self._context.operations.emoji.meaning(emoji) is not None
