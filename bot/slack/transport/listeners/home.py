"""The App Home was opened."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.domain.inbox import EventKind
from bot.slack.transport.inbox import EventRecorder
from bot.slack.transport.listeners.identity import event_identity


def register(app: AsyncApp, inbox: EventRecorder) -> None:
    """Register the listener."""

    async def on_home(body: dict[str, Any]) -> None:
        await inbox.receive(event_identity(body), EventKind.HOME, body)

    app.event("app_home_opened")(on_home)
