"""Turns at the database: what Slack waits for goes before what nobody waits for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum


class Priority(IntEnum):
    """Who goes first; lower goes before higher."""

    ACKNOWLEDGING = 0
    """Slack waits for the answer."""
    WORKING = 1
    LATER = 2
    """What no run waits for: what Slack was told, which events are settled."""


class PriorityLock:
    """So many pieces of work at a time, the urgent ones first, each kind in the order of its coming.

    Args:
        count: how many at a time.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: dict[Priority, deque[asyncio.Future[None]]] = {priority: deque() for priority in Priority}

    @asynccontextmanager
    async def turn(self, priority: Priority) -> AsyncIterator[None]:
        """Wait for a turn, and have it for the length of the block."""
        await self._take(priority)
        try:
            yield
        finally:
            self._give()

    async def _take(self, priority: Priority) -> None:
        if self._free:
            self._free -= 1
            return
        ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[priority].append(ticket)
        try:
            await ticket
        except asyncio.CancelledError:
            if ticket.done() and not ticket.cancelled():
                self._give()  # the turn came together with the cancellation: it goes to the next
            raise

    def _give(self) -> None:
        for priority in Priority:
            waiting = self._waiting[priority]
            while waiting:
                ticket = waiting.popleft()
                if not ticket.done():
                    ticket.set_result(None)
                    return
        self._free += 1
