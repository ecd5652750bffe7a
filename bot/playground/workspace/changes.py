"""The feed of changes that the page and tests follow."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Change:
    """One change of the workspace.

    Attributes:
        number: rises by one with each change.
        kind: what happened, such as `message` or `reaction`; docs/playground-reference.md lists them.
        data: the changed object, ready for JSON.
    """

    number: int
    kind: str
    data: dict[str, Any]


class Changes:
    """Hands each change to every follower, and keeps the latest for those who come back."""

    def __init__(self, kept: int = 2000) -> None:
        """Keep the latest `kept` changes."""
        self.number = 0
        self._latest: deque[Change] = deque(maxlen=kept)
        self._followers: set[asyncio.Queue[Change | None]] = set()

    def publish(self, kind: str, data: dict[str, Any]) -> None:
        """Publish a change to every follower."""
        self.number += 1
        change = Change(self.number, kind, data)
        self._latest.append(change)
        for follower in self._followers:
            follower.put_nowait(change)

    def since(self, number: int) -> list[Change] | None:
        """Give the changes after a number; None if some of them are no longer kept."""
        if number > self.number or (self._latest and number < self._latest[0].number - 1):
            return None
        return [change for change in self._latest if change.number > number]

    @contextmanager
    def follow(self) -> Iterator[asyncio.Queue[Change | None]]:
        """Give a queue of the changes from now on; None in it is the end."""
        queue: asyncio.Queue[Change | None] = asyncio.Queue()
        self._followers.add(queue)
        try:
            yield queue
        finally:
            self._followers.discard(queue)

    def end(self) -> None:
        """End the feed of every follower."""
        for follower in self._followers:
            follower.put_nowait(None)
