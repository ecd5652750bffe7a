"""Slash commands: any of them, known or not; an unknown one is answered too."""

from __future__ import annotations

import re
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.domain.inbox import EventKind
from bot.slack.inbox import Inbox
from bot.slack.listeners.identity import interaction_identity


def register(app: AsyncApp, inbox: Inbox) -> None:
    """Register the listener."""

    async def on_command(ack: AsyncAck, body: dict[str, Any]) -> None:
        await inbox.receive(interaction_identity("command", body), EventKind.COMMAND, body)
        await ack()

    app.command(re.compile(r".*"))(on_command)
