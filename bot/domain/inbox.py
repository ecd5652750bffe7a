"""An event from outside, as it is recorded before it is acknowledged, and the messages that answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    """What came in."""

    COMMAND = "command"
    REACTION = "reaction"
    BUTTON = "button"
    VIEW = "view"
    HOME = "home"
    OTHER = "other"


@dataclass(frozen=True)
class Event:
    """One event from outside, recorded once whatever how often it is delivered.

    Args:
        id: its identity; the same event delivered again has the same.
        kind: what it is.
        body: the payload as JSON text.
    """

    id: str
    kind: EventKind
    body: str


class MessageState(StrEnum):
    """How sure the bot is that Slack has a message."""

    INTENDED = "intended"
    """About to be posted: after a crash Slack must be asked whether it is there."""
    POSTED = "posted"


CARD = "card"
"""The slot of the run card, the one message of a run in the channel."""


@dataclass(frozen=True)
class Posted:
    """What Slack was last told in one message of a run.

    Args:
        run: the run.
        slot: which of its messages: `card`, `plan`, `approval`, `progress`, `result`, `log`, or `notice:…`.
        channel: where.
        ts: Slack's name of the message; empty while it is only intended.
        fingerprint: SHA-256 of what was last sent.
        state: how sure.
    """

    run: str
    slot: str
    channel: str
    ts: str
    fingerprint: str
    state: MessageState
