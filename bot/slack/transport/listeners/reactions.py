"""Reactions, added and removed."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.domain.inbox import EventKind
from bot.slack.transport.inbox import EventRecorder
from bot.slack.transport.listeners.identity import event_identity


def register(app: AsyncApp, inbox: EventRecorder) -> None:
    """Register the listeners."""

    async def on_reaction(body: dict[str, Any]) -> None:
        await inbox.receive(event_identity(body), EventKind.REACTION, body)

    app.event("reaction_added")(on_reaction)
    app.event("reaction_removed")(on_reaction)
