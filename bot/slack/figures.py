"""Durations and sizes as people say them."""

from __future__ import annotations

from datetime import datetime

_KIB = 1024


def duration(seconds: float) -> str:
    """Say how long something took: `0.4 s`, `42 s`, `3 min 10 s`, `2 h 5 min`.

    Args:
        seconds: zero or more.
    """
    if seconds < 9.95:
        text = f"{max(seconds, 0):.1f}".removesuffix(".0")
        return f"{text} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def between(start: datetime | None, end: datetime | None) -> float:
    """Give the seconds from one instant to another; 0 where one is missing or the clock went back."""
    if start is None or end is None:
        return 0.0
    return max((end - start).total_seconds(), 0.0)


def size(count: int) -> str:
    """Say how big something is: `840 B`, `12.3 MB`.

    Args:
        count: of bytes.
    """
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < _KIB:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= _KIB
    return f"{value:.1f} TB"
