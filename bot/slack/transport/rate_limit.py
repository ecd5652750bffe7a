"""Keeping calls below Slack's rate limits."""

from __future__ import annotations

import asyncio
import time


class RateLimit:
    """A token bucket.

    Args:
        rate: calls a second.
        burst: maximum calls that are saved up.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._turns = float(burst)
        self._at = time.monotonic()
        self._lock = asyncio.Lock()

    def seconds_left(self, leaving: int = 0) -> float:
        """Return the seconds until a call is allowed; 0 where it is now.

        Args:
            leaving: calls that must be left after it.
        """
        self._fill()
        return max(0.0, (1 + leaving - self._turns) / self._rate)

    async def acquire(self) -> None:
        """Wait until a call is allowed, in the order of the callers."""
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
