"""Remembers what Slack answered, and asks once for everybody who wants to know the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from bot.slack.transport.gateway import SlackBusyError, SlackRefusedError, SlackUncertainError

Value = TypeVar("Value")


class ReadCache(Generic[Value]):
    """Answers by key; failures are not remembered.

    Args:
        ask: asks Slack.
    """

    def __init__(self, ask: Callable[[str], Awaitable[Value]]) -> None:
        self._ask = ask
        self._known: dict[str, tuple[float, Value]] = {}
        self._asking: dict[str, asyncio.Future[None]] = {}

    def known(self, key: str) -> Value | None:
        """Return the last answer, however old; None where there is none."""
        answer = self._known.get(key)
        return answer[1] if answer is not None else None

    async def get(self, key: str, seconds: float) -> Value | None:
        """Return an answer that is at most so old; None where Slack gives none.

        Args:
            key: what is asked for.
            seconds: the greatest age; 0 asks Slack in any case.
        """
        if seconds > 0 and key in self._asking:
            await asyncio.wait((self._asking[key],))
        at, value = self._known.get(key, (-seconds, None))
        if time.monotonic() - at < seconds:
            return value
        asking = self._asking[key] = asyncio.get_running_loop().create_future()
        try:
            value = await self._ask(key)
        except (SlackRefusedError, SlackBusyError, SlackUncertainError):
            return None
        finally:
            asking.set_result(None)
            if self._asking.get(key) is asking:
                del self._asking[key]
        self._known[key] = (time.monotonic(), value)
        return value
