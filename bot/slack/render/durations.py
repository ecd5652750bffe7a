"""Time between two instants."""

from __future__ import annotations

from datetime import datetime


def between(start: datetime | None, end: datetime | None) -> float:
    """Return the seconds from one instant to another; 0 where one is missing or the clock went back."""
    if start is None or end is None:
        return 0.0
    return max((end - start).total_seconds(), 0.0)
