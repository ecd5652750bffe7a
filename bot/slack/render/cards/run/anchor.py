"""The anchor of the history in a result message: the record of the result, as message metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.domain.runs.history import Head

RESULT_TYPE = "countersign_result"
HISTORY = "history"
"""The key of the payload that holds the anchor."""


def anchor_payload(anchor: Head | None) -> dict[str, Any]:
    """Give what an anchor adds to the payload; nothing where there is none."""
    return {} if anchor is None else {HISTORY: {"sequence": anchor.sequence, "hash": anchor.hash}}


def anchor_in(payload: Mapping[str, Any]) -> Head | None:
    """Read the anchor of a payload; None where it has none, or one that no version of this program wrote."""
    said = payload.get(HISTORY)
    if not isinstance(said, Mapping):
        return None
    sequence, digest = said.get("sequence"), said.get("hash")
    # JSON has one kind of number: some servers give 12 back as 12.0.
    if not isinstance(sequence, int | float) or not isinstance(digest, str):
        return None
    return Head(int(sequence), digest)
