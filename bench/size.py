"""How much is measured."""

from __future__ import annotations

from enum import StrEnum


class Size(StrEnum):
    """How much is measured."""

    FULL = "full"
    SHORT = "short"
    """All measurements together take at most twelve minutes on a quiet machine of two cores."""
    TINY = "tiny"
    """Seconds each: shows that the measurement works, and measures nothing."""
