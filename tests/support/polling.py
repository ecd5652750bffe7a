"""Waiting for something to become true, with a deadline."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def eventually(
    predicate: Callable[[], Any | Awaitable[Any]], seconds: float = 10.0, *, every: float = 0.02, what: str = ""
) -> Any:
    """Poll until the predicate gives something truthy, and give that.

    Args:
        predicate: plain or async function; an AssertionError it raises counts as not yet.
        seconds: deadline.
        every: pause between two looks, in seconds.
        what: named in the error if it never comes true.

    Raises:
        AssertionError: it did not come true in time.
    """
    deadline = time.monotonic() + seconds
    last: Any = None
    while True:
        try:
            last = predicate()
            if inspect.isawaitable(last):
                last = await last
        except AssertionError as error:
            last = error
        else:
            if last:
                return last
        if time.monotonic() > deadline:
            raise AssertionError(
                f"not within {seconds} s: {what or inspect.getsource(predicate).strip()} (last: {last!r})"
            )
        await asyncio.sleep(every)
