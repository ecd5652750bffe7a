"""Keeps calls below Slack's rate limits before Slack has to say so."""

from __future__ import annotations

import asyncio
import time


class RateLimit:
    """A bucket of turns that fills at a steady rate.

    Args:
        rate: turns a second.
        burst: turns that may be saved up.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._turns = float(burst)
        self._at = time.monotonic()
        self._lock = asyncio.Lock()

    def seconds_left(self, leaving: int = 0) -> float:
        """Give the seconds until there is a turn; 0 where there is one now.

        Args:
            leaving: turns that shall be left after it.
        """
        self._fill()
        return max(0.0, (1 + leaving - self._turns) / self._rate)

    async def acquire(self) -> None:
        """Wait for a turn; callers get theirs in the order in which they asked."""
        async with self._lock:
            self._fill()
            if self._turns < 1:
                await asyncio.sleep((1 - self._turns) / self._rate)
                self._fill()
            self._turns -= 1

    def _fill(self) -> None:
        now = time.monotonic()
        self._turns = min(self._burst, self._turns + (now - self._at) * self._rate)
        self._at = now
