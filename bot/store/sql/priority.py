"""Turns at the database: what Slack waits for goes before what nobody waits for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum


class Urgency(IntEnum):
    """Who goes first; lower goes before higher."""

    ACKNOWLEDGING = 0
    """Slack waits for the answer."""
    WORKING = 1
    LATER = 2
    """What no run waits for: what Slack was told, which events are settled."""


class Turns:
    """So many pieces of work at a time, the urgent ones first, each kind in the order of its coming.

    Args:
        count: how many at a time.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: dict[Urgency, deque[asyncio.Future[None]]] = {urgency: deque() for urgency in Urgency}

    @asynccontextmanager
    async def turn(self, urgency: Urgency) -> AsyncIterator[None]:
        """Wait for a turn, and have it for the length of the block."""
        await self._take(urgency)
        try:
            yield
        finally:
            self._give()

    async def _take(self, urgency: Urgency) -> None:
        if self._free:
            self._free -= 1
            return
        ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[urgency].append(ticket)
        try:
            await ticket
        except asyncio.CancelledError:
            if ticket.done() and not ticket.cancelled():
                self._give()  # the turn came together with the cancellation: it goes to the next
            raise

    def _give(self) -> None:
        for urgency in Urgency:
            waiting = self._waiting[urgency]
            while waiting:
                ticket = waiting.popleft()
                if not ticket.done():
                    ticket.set_result(None)
                    return
        self._free += 1
