"""Slack's rate limits: so many calls a minute by tier, and messages at one a second a channel."""

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
    POSTING = (5, 5.0)
    """One a second a channel, with short bursts."""
    SPECIAL = (600, 60.0)


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
        most, window = tier.value
        calls = self._calls[method, channel if tier is Tier.POSTING else ""]
        while calls and calls[0] <= now - window:
            calls.popleft()
        if len(calls) >= most:
            return max(1, math.ceil(calls[0] + window - now))
        calls.append(now)
        return 0

    def forget(self) -> None:
        """Start counting anew."""
        self._calls.clear()
