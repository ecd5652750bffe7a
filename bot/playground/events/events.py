"""Sends events to the app, if it subscribed to them and may see them."""

from __future__ import annotations

from typing import Any

from bot.playground.events.payloads import event_callback, reaction_event
from bot.playground.events.sockets import Sockets
from bot.playground.workspace.messages import File, PostedMessage
from bot.playground.workspace.state import State


class Events:
    """The app's subscriptions."""

    def __init__(self, state: State, sockets: Sockets) -> None:
        """Send through `sockets`."""
        self._state = state
        self._sockets = sockets

    def emit(self, event: dict[str, Any]) -> None:
        """Send an event, if the app subscribed to its type."""
        app = self._state.workspace.app
        kind = event["type"]
        if kind in app.events or (kind == "message" and any(name.startswith("message.") for name in app.events)):
            self._sockets.send_event(event_callback(self._state.workspace, event))

    def reaction(self, kind: str, message: PostedMessage, user: str, name: str) -> None:
        """Send `reaction_added` or `reaction_removed`, if the bot is in the channel."""
        if self._state.workspace.app.bot_user_id in self._state.conversation(message.channel).members:
            self.emit(
                reaction_event(kind, user, name, message.channel, message.ts, message.user, self._state.next_ts())
            )

    def file_shared(self, file: File, message: PostedMessage) -> None:
        """Send `file_shared`, if the bot is in the channel."""
        if self._state.workspace.app.bot_user_id in self._state.conversation(message.channel).members:
            self.emit(
                {
                    "type": "file_shared",
                    "channel_id": message.channel,
                    "file_id": file.id,
                    "user_id": file.user,
                    "file": {"id": file.id},
                    "event_ts": self._state.next_ts(),
                }
            )

    def message(self, message: PostedMessage) -> None:
        """Send a `message` event, if the app subscribed to such and the bot is in the channel."""
        conversation = self._state.conversation(message.channel)
        if self._state.workspace.app.bot_user_id not in conversation.members:
            return
        kind = "im" if conversation.person else "group" if conversation.is_private else "channel"
        self.emit(
            {
                **self._state.message_json(message, with_metadata=False),
                "channel": message.channel,
                "channel_type": kind,
                "event_ts": message.ts,
            }
        )
