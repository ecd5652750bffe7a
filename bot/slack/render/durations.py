"""Time between two instants."""

from __future__ import annotations

from datetime import datetime


def between(start: datetime | None, end: datetime | None) -> float:
    """Return the seconds from one instant to another; 0 where one is missing or the clock went back."""
    if start is None or end is None:
        return 0.0
    return max((end - start).total_seconds(), 0.0)


_MINUTE, _SOME_MINUTES = 60, 600


def coarse(seconds: float) -> float:
    """Round down a span that only grows, so that what shows it changes seldom: to seconds, minutes, or five minutes."""
    unit = 1 if seconds < _MINUTE else _MINUTE if seconds < _SOME_MINUTES else _SOME_MINUTES / 2
    return seconds // unit * unit
