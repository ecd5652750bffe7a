"""A Slack as strict as the real one, and the bot's calls to it, on a virtual clock."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Generator
from itertools import count

from bot.playground.rate_limits import RateLimits
from bot.playground.web_api.registry import METHODS
from bot.slack.transport.call_budget import POST, Call, CallBudget, Importance, Turn

_SDK_NAMES = {method.replace(".", "_"): method for method in METHODS}

Work = Generator[Call | float, None, None]
"""What somebody does: calls, one after the other, and pauses in seconds."""


class StrictSlack:
    """Makes the calls of many at the same time, each at its turn; counts the answers of 429.

    Args:
        seed: of the latencies, between 20 and 300 ms.
    """

    def __init__(self, seed: int = 0) -> None:
        self.now = 0.0
        self.budget = CallBudget()
        self.refused: list[tuple[float, Call]] = []
        self.made: list[tuple[float, Call]] = []
        self._limits = RateLimits()
        self._chance = random.Random(seed)
        self._numbers = count()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._owners: dict[Turn, Work] = {}
        self._woken_at = float("inf")

    def start(self, work: Work, after: float = 0.0) -> None:
        """Begin some work."""
        self.at(self.now + after, lambda: self._go_on(work))

    def at(self, time: float, action: Callable[[], None]) -> None:
        """Do something at a time."""
        heapq.heappush(self._agenda, (time, next(self._numbers), action))

    def run(self, until: float = 3600.0) -> None:
        """Let the time pass until nothing is left to do, or until a time."""
        while self._agenda and self._agenda[0][0] <= until:
            self.now, _, action = heapq.heappop(self._agenda)
            action()

    def _go_on(self, work: Work) -> None:
        step = next(work, None)
        if isinstance(step, float):
            self.at(self.now + step, lambda: self._go_on(work))
        elif step is not None:
            self._owners[self.budget.ask(step)] = work
            self._grant()

    def _grant(self) -> None:
        for turn in self.budget.grant(self.now):
            way, back = self._chance.uniform(0.01, 0.15), self._chance.uniform(0.01, 0.15)
            self.at(self.now + way, lambda turn=turn: self._arrive(turn.call))  # type: ignore[misc] # bound now
            self.at(self.now + way + back, lambda turn=turn: self._answer(turn))  # type: ignore[misc] # bound now
        due = self.budget.next_at(self.now)
        if due < self._woken_at or self._woken_at <= self.now:
            self._woken_at = due
            if due < float("inf"):
                self.at(max(due, self.now + 0.001), self._grant)

    def _arrive(self, call: Call) -> None:
        method = METHODS[_SDK_NAMES[call.method]]
        if self._limits.wait(method.name, call.channel, method.tier, self.now):
            self.refused.append((self.now, call))
        self.made.append((self.now, call))

    def _answer(self, turn: Turn) -> None:
        self.budget.end(turn, self.now)
        self._go_on(self._owners.pop(turn))
        self._grant()


def post(channel: str, importance: Importance = Importance.ESSENTIAL, key: str = "") -> Call:
    """Make a call that posts."""
    return Call(POST, importance, channel, key)
