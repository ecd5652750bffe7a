"""The identity of what Slack sends, which stays the same when it is delivered again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any


def event_identity(body: Mapping[str, Any]) -> str:
    """Return the identity of an event of the Events API."""
    return _short("event", str(body["event_id"]))


def interaction_identity(kind: str, body: Mapping[str, Any]) -> str:
    """Return the identity of the use of a command, a button or a form, each of which has its own trigger.

    Args:
        kind: part of the identity, as triggers are not unique across kinds.
        body: the payload.
    """
    return _short(kind, str(body["trigger_id"]))


def _short(kind: str, text: str) -> str:
    # Slack specifies no maximum length.
    return f"{kind}:{text}" if len(text) <= 80 else f"{kind}:{hashlib.sha256(text.encode()).hexdigest()}"
