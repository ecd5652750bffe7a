"""Files that somebody shares."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.domain.inbox import EventKind
from bot.slack.transport.inbox import EventRecorder
from bot.slack.transport.listeners.identity import event_identity


def register(app: AsyncApp, inbox: EventRecorder) -> None:
    """Register the listener."""

    async def on_file(body: dict[str, Any]) -> None:
        await inbox.receive(event_identity(body), EventKind.FILE, body)

    app.event("file_shared")(on_file)
