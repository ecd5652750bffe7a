"""Buttons."""

from __future__ import annotations

import re
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.domain.inbox import EventKind
from bot.slack.transport.inbox import EventRecorder
from bot.slack.transport.listeners.identity import interaction_identity


def register(app: AsyncApp, inbox: EventRecorder) -> None:
    """Register the listener."""

    async def on_action(ack: AsyncAck, body: dict[str, Any]) -> None:
        await inbox.receive(interaction_identity("button", body), EventKind.BUTTON, body)
        await ack()

    app.action(re.compile(r".*"))(on_action)
