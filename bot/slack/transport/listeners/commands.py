"""Slash commands, known and unknown: both get a reply."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.domain.inbox import EventKind
from bot.slack.transport.inbox import EventRecorder
from bot.slack.transport.listeners.identity import interaction_identity

RecordCommand = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Commits the payload of a command, which is acknowledged with what this returns, and not if it raises."""

Acknowledge = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Gives what the acknowledgement of a command shows to who typed it; empty for nothing."""


Refuse = Callable[[Mapping[str, Any]], None]
"""Tells who typed a command that it was not taken in; returns at once."""


def command_recorder(inbox: EventRecorder, acknowledge: Acknowledge, refuse: Refuse) -> RecordCommand:
    """Return what the sockets call with each command.

    It bypasses bolt, whose dispatch takes longer than recording while a person waits.

    Args:
        inbox: where commands are recorded.
        acknowledge: gives what is shown at once.
        refuse: called with a command that could not be recorded in time.
    """

    async def record(body: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            await inbox.receive(interaction_identity("command", body), EventKind.COMMAND, body)
        except Exception:
            refuse(body)
            raise
        return acknowledge(body)

    return record
