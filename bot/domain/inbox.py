"""Events as they are recorded before they are acknowledged, and the messages of runs as Slack has them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    """Kind of an event."""

    COMMAND = "command"
    REACTION = "reaction"
    BUTTON = "button"
    VIEW = "view"
    HOME = "home"
    FILE = "file"
    OTHER = "other"


@dataclass(frozen=True)
class Event:
    """One event from outside, recorded once however often it is delivered.

    Args:
        id: its identity, the same at each delivery.
        kind: of event.
        body: the payload as JSON text.
    """

    id: str
    kind: EventKind
    body: str


class MessageState(StrEnum):
    """Whether Slack certainly has a message."""

    INTENDED = "intended"
    """About to be posted; after a crash, Slack must be asked whether it has the message."""
    POSTED = "posted"


CARD = "card"
"""The slot of the run card, the one message of a run in the channel."""


@dataclass(frozen=True)
class Posted:
    """What was last sent to Slack for one slot of a run.

    Args:
        run: its ID.
        slot: one of `card`, `plan`, `approval`, `progress`, `result`, `log`, or `notice:…`.
        channel: Slack's ID of the channel.
        ts: Slack's timestamp of the message, its ID; empty while only intended.
        fingerprint: SHA-256 of what was last sent.
        state: whether Slack certainly has it.
    """

    run: str
    slot: str
    channel: str
    ts: str
    fingerprint: str
    state: MessageState
