"""Slash commands: any of them, known or not; an unknown one is answered too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.domain.inbox import EventKind
from bot.slack.transport.inbox import Inbox
from bot.slack.transport.listeners.identity import interaction_identity

RecordCommand = Callable[[Mapping[str, Any]], Awaitable[None]]
"""The payload of a command → it is committed. It is acknowledged when this returns, and not where it raises."""


def command_recorder(inbox: Inbox) -> RecordCommand:
    """Make what the sockets call with each command.

    Not a listener of bolt: its way to a listener takes longer than recording, and a person waits.

    Args:
        inbox: where commands are recorded.
    """

    async def record(body: Mapping[str, Any]) -> None:
        await inbox.receive(interaction_identity("command", body), EventKind.COMMAND, body)

    return record
