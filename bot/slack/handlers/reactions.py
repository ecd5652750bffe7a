"""A reaction, made or taken back: whatever it was, the engine reads the reactions anew."""

from __future__ import annotations

from bot.engine.stores import MessageStore
from bot.slack.ports import EngineApi
from bot.slack.transport.inbox import Received


class ReactionHandler:
    """Finds the run that a reaction is about.

    Args:
        engine: the engine.
        messages: which message belongs to which run.
    """

    def __init__(self, engine: EngineApi, messages: MessageStore) -> None:
        self._engine = engine
        self._messages = messages

    async def __call__(self, received: Received) -> None:
        """Nudge the run; where the message is not known (yet), every run of the channel that waits for approval."""
        item = received.payload["event"].get("item") or {}
        if item.get("type") != "message":
            return
        channel, ts = str(item["channel"]), str(item["ts"])
        posted = await self._messages.find_message(channel, ts)
        if posted is not None:
            self._engine.wake(posted.run)
            return
        for identifier in await self._engine.awaiting():
            run = await self._engine.get(identifier)
            if run is not None and run.request.origin.channel == channel:
                self._engine.wake(identifier)
