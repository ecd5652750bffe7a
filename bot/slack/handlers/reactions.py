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
        self._engine = context.engine
        self._messages = context.messages

    async def __call__(self, received: ReceivedEvent) -> None:
        """Wake the run; if the message is not known (yet), every run of the channel that waits for approval."""
        item = received.payload["event"].get("item") or {}
        if item.get("type") != "message":
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
