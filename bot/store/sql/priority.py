"""Priorities of transactions: what Slack waits for goes before what nobody waits for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum


class Priority(IntEnum):
    """The order of transactions that wait; lower goes first."""

    ACKNOWLEDGING = 0
    """Slack waits for the answer."""
    WORKING = 1
    LATER = 2
    """No run waits for it: published messages, settled events."""


class PriorityLock:
    """A semaphore that admits by priority, and in order of arrival within a priority.

    Args:
        count: maximum at a time.
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
