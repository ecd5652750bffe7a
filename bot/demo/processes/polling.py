"""Polls for what sends no event: another process's end, a line in a file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_PAUSE = 0.03


async def until(true: Callable[[], bool]) -> None:
    """Poll until something is true, without a time limit.

    Args:
        true: whether it is.
    """
    while not true():  # noqa: ASYNC110 - other processes and files set no event
        await asyncio.sleep(_PAUSE)
