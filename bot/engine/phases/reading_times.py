"""When the reactions to a request are read: after each event, and from time to time, as events can be lost.

Times are seconds from any start.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from zlib import crc32

from bot.engine.ports import Occasion

_LEAST_INTERVAL = 20.0
"""Between two readings without an event, with few open gates."""

_INTERVAL_PER_GATE = 6.0
"""The readings of all gates together are ten a minute at most, of fifty that Slack allows."""

_RETRY = 5.0
_EVENT_RETRY = 2.0
"""Until Slack is asked again after it did not answer, without an event and with one."""

_PAUSE = 0.02
_LONGEST_PAUSE = 5.0
_LATELY = 60.0
"""Who reacts again and again makes the pauses longer, by the square of the readings of the last minute."""


class OpenGates:
    """Counts the gates at which this process waits."""

    def __init__(self) -> None:
        """Start with none."""
        self.number = 0

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Count one for the length of the block."""
        self.number += 1
        try:
            yield
        finally:
            self.number -= 1


class ReadingTimes:
    """When the reactions to one request are read.

    Args:
        run: whose request it is; spreads the readings of many.
    """

    def __init__(self, run: str) -> None:
        self._spread = 0.5 + crc32(run.encode()) / 2**32
        self._heard = False
        self._due = self._not_before = -math.inf
        self._latest: deque[float] = deque()

    def hear(self) -> None:
        """Note that somebody reacted."""
        self._heard = True

    def begin(self, now: float, gates: int) -> Occasion | None:
        """Begin a reading where one is due; what is heard from now on makes another one due.

        Args:
            now: the time.
            gates: number of open gates.

        Returns:
            Why it is due, or None.
        """
        if now < self.next:
            return None
        occasion = Occasion.EVENT if self._heard else Occasion.ROUTINE
        if self._heard:
            self._latest.append(now)
        while self._latest and self._latest[0] <= now - _LATELY:
            self._latest.popleft()
        interval = _INTERVAL_PER_GATE * gates
        self._heard = False
        self._not_before = now + min(_PAUSE * len(self._latest) ** 2, _LONGEST_PAUSE)
        self._due = now + (_LEAST_INTERVAL if interval <= _LEAST_INTERVAL else interval * self._spread)
        return occasion

    def failed(self, occasion: Occasion, now: float) -> None:
        """Make a reading that failed due again.

        Args:
            occasion: of the reading.
            now: the time.
        """
        self._heard = self._heard or occasion is Occasion.EVENT
        self._not_before = now + (_EVENT_RETRY if self._heard else _RETRY)
        self._due = self._not_before

    @property
    def next(self) -> float:
        """When the next reading is due, if nobody reacts before."""
        return self._not_before if self._heard else self._due
