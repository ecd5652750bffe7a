"""Slack's rate limits, for one app in one workspace: so many calls of a method a minute, by its tier.

Messages are limited in each channel too, at one a second with short bursts.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from enum import Enum


class Tier(Enum):
    """How often a method may be called: calls, and the seconds they are counted in."""

    ONE = (1, 60.0)
    TWO = (20, 60.0)
    THREE = (50, 60.0)
    FOUR = (100, 60.0)
    POSTING = (300, 60.0)
    """Several hundred a minute, beside `IN_CHANNEL`."""
    SPECIAL = (600, 60.0)


IN_CHANNEL = (5, 5.0)
"""Messages in one channel: calls, and the seconds they are counted in."""


class RateLimits:
    """Counts calls."""

    def __init__(self) -> None:
        """Start with none."""
        self._calls: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)

    def wait(self, method: str, channel: str, tier: Tier, now: float) -> int:
        """Count a call and give the seconds to wait before it is allowed; 0 if it is allowed now.

        Args:
            method: of the Web API.
            channel: counted apart for POSTING.
            tier: of the method.
            now: in seconds, from any start.
        """
        limits = {(method, ""): tier.value}
        if tier is Tier.POSTING:
            limits[method, channel] = IN_CHANNEL
        wait = max(self._wait(key, most, window, now) for key, (most, window) in limits.items())
        if not wait:
            for key in limits:
                self._calls[key].append(now)
        return wait

    def _wait(self, key: tuple[str, str], most: int, window: float, now: float) -> int:
        calls = self._calls[key]
        while calls and calls[0] <= now - window:
            calls.popleft()
        return max(1, math.ceil(calls[0] + window - now)) if len(calls) >= most else 0

    def forget(self) -> None:
        """Start counting anew."""
        self._calls.clear()
