"""Waiting for what a cancellation must not interrupt."""

from __future__ import annotations

import asyncio
from typing import TypeVar

T = TypeVar("T")


async def carried_to_its_end(work: asyncio.Future[T]) -> T:
    """Wait for work, and pass a cancellation on only when it is done."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError as cancellation:
            cancelled = cancellation
    if cancelled is not None and not work.cancelled():
        raise cancelled
    return work.result()
