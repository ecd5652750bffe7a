"""Waiting for the turn of a call of the Web API."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.slack.transport.call_budget import Call, CallBudget, Importance, Turn

_KEPT_SECONDS = 2.0
"""How long a place in a queue is kept for somebody who has something newer to say."""


class SupersededError(Exception):
    """A call was not made, as something newer is to be sent. It keeps its place for a moment."""


@dataclass(frozen=True)
class Urgency:
    """How a call is to wait for its turn.

    Args:
        importance: what it is for.
        key: what it is about; who asks again with the same key keeps their place. One caller at a time uses it.
        unless: once it is set, the waiting ends with `SupersededError`; None where nothing supersedes it. Needs a key.
    """

    importance: Importance
    key: str = ""
    unless: asyncio.Event | None = None


ANSWER = Urgency(Importance.ANSWER)
ESSENTIAL = Urgency(Importance.ESSENTIAL)


class Turns:
    """Lets the calls of this process wait for their turn.

    Args:
        replicas: returns how many processes use the same app now.
        clock: gives the time in seconds.
    """

    def __init__(self, replicas: Callable[[], int] = lambda: 1, clock: Callable[[], float] = time.monotonic) -> None:
        self._budget = CallBudget()
        self._replicas = replicas
        self._clock = clock
        self._waiting: dict[Turn, asyncio.Future[None]] = {}
        self._kept: dict[tuple[str, str], Turn] = {}
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def turn(self, call: Call, unless: asyncio.Event | None = None) -> AsyncIterator[None]:
        """Wait for the turn of a call, which is made within the block.

        Args:
            call: to make.
            unless: ends the waiting once it is set.

        Raises:
            SupersededError: `unless` was set before the turn came.
        """
        turn = await self._await(call, unless)
        try:
            yield
        finally:
            self._budget.end(turn, self._clock())
            self._grant()

    def stop(self, method: str, seconds: float) -> None:
        """Make no call of a method for so long: Slack asked to wait."""
        self._budget.stop(method, self._clock() + seconds)

    def is_free(self, call: Call) -> bool:
        """Return whether a call would have its turn at once."""
        kept = self._kept.get(_place(call))
        return (kept is not None and kept.granted) or self._budget.is_free(call, self._clock())

    def is_contended(self, channel: str, but: str) -> bool:
        """Return whether messages wait for their turn in a channel, besides those whose key begins with `but`."""
        return self._budget.is_contended(channel, but, self._clock())

    async def _await(self, call: Call, unless: asyncio.Event | None) -> Turn:
        turn = self._taken_up(call)
        if not turn.granted:
            self._waiting[turn] = asyncio.get_running_loop().create_future()
            self._grant()
        if turn.granted:
            return turn
        try:
            if unless is None:
                await self._waiting[turn]
            else:
                await _first(self._waiting[turn], unless)
        except asyncio.CancelledError:
            self._budget.withdraw(turn)
            self._grant()
            raise
        finally:
            self._waiting.pop(turn, None)
        if not turn.granted:
            self._keep(turn)
            raise SupersededError(call.method)
        return turn

    def _taken_up(self, call: Call) -> Turn:
        """Take up the place that was kept for a call, or ask for one."""
        kept = self._kept.pop(_place(call), None)
        if kept is not None and (kept.granted or kept.call == call):
            return kept
        return self._budget.ask(call, instead_of=kept)

    def _keep(self, turn: Turn) -> None:
        self._kept[_place(turn.call)] = turn
        asyncio.get_running_loop().call_later(_KEPT_SECONDS, self._let_go, turn)

    def _let_go(self, turn: Turn) -> None:
        if self._kept.get(_place(turn.call)) is turn:
            del self._kept[_place(turn.call)]
            self._budget.withdraw(turn)
            self._grant()

    def _grant(self) -> None:
        now = self._clock()
        self._budget.replicas = self._replicas()
        for turn in self._budget.grant(now):
            future = self._waiting.pop(turn, None)
            if future is not None and not future.done():
                future.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        at = self._budget.next_at(now)
        if at < math.inf:
            self._timer = asyncio.get_running_loop().call_later(max(at - now, 0.001), self._grant)


def _place(call: Call) -> tuple[str, str]:
    return call.method, call.key


async def _first(granted: asyncio.Future[None], unless: asyncio.Event) -> None:
    """Wait until a turn is granted or an event is set."""
    superseded = asyncio.ensure_future(unless.wait())
    try:
        await asyncio.wait((granted, superseded), return_when=asyncio.FIRST_COMPLETED)
    finally:
        superseded.cancel()
