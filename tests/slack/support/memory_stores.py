"""The stores of the conversation in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from bot.domain.inbox import CARD, Event, Posted
from bot.domain.policies.lock import Lock, LockNews, LockNotice
from bot.domain.targets.dashboard import Viewer
from tests.slack.support.fake_engine import FakeEngine


class MemoryHomes:
    """Who opened the App Home, in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, Viewer] = {}

    async def opened_since(self, since: datetime) -> tuple[Viewer, ...]:
        return tuple(sorted(self.rows.values(), key=lambda viewer: viewer.opened_at, reverse=True))

    async def save(self, viewer: Viewer) -> None:
        self.rows[viewer.user] = viewer


class MemoryInbox:
    """An inbox in memory; `broken` makes it fail, as a store that is full does."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.settled: set[str] = set()
        self.broken = False
        self.answers = asyncio.Event()
        self.answers.set()
        self.looks = 0

    async def receive(self, event: Event, seconds: float | None = None) -> bool:
        await self.answers.wait()
        if self.broken:
            raise OSError("no space left on device")
        is_new = event.id not in self.events
        self.events.setdefault(event.id, event)
        return is_new

    async def waiting(self, limit: int) -> tuple[Event, ...]:
        self.looks += 1
        return tuple(event for event in self.events.values() if event.id not in self.settled)[:limit]

    async def settle(self, event: str) -> None:
        self.settled.add(event)


class MemoryMessages:
    """Messages in memory. `dies_after_post` makes the commit after a post fail, as a kill at that point would."""

    def __init__(self, engine: FakeEngine) -> None:
        self.rows: dict[tuple[str, str], Posted] = {}
        self.published: dict[str, int] = {}
        self.dies_after_post: str | None = None
        self._engine = engine

    async def of_run(self, run: str) -> Mapping[str, Posted]:
        return {slot: row for (name, slot), row in self.rows.items() if name == run}

    async def save(self, posted: Posted) -> None:
        if self.dies_after_post == posted.slot and posted.ts:
            raise asyncio.CancelledError
        self.rows[posted.run, posted.slot] = posted

    async def cards(self, runs: frozenset[str]) -> Mapping[str, Posted]:
        return {name: row for (name, slot), row in self.rows.items() if name in runs and slot == CARD and row.ts}

    async def find(self, channel: str, ts: str) -> Posted | None:
        return next((row for row in self.rows.values() if (row.channel, row.ts) == (channel, ts)), None)

    async def unpublished(self) -> tuple[str, ...]:
        return tuple(run.id for run in self._engine.runs.values() if self.published.get(run.id, 0) < run.revision)

    async def mark_published(self, run: str, revision: int) -> None:
        self.published[run] = max(self.published.get(run, 0), revision)


class MemoryNotices:
    """Keeps what the owners of locks are still to be told."""

    def __init__(self) -> None:
        self.rows: dict[int, LockNotice] = {}

    def add(self, news: LockNews, lock: Lock, by: str = "") -> None:
        number = max(self.rows, default=0) + 1
        self.rows[number] = LockNotice(number, news, lock, by, "C0OPS", datetime.now(UTC))

    async def waiting(self) -> tuple[LockNotice, ...]:
        return tuple(self.rows.values())

    async def mark_intended(self, notice: LockNotice) -> None:
        self.rows[notice.number] = replace(notice, intended=True)

    async def remove(self, notice: LockNotice) -> None:
        del self.rows[notice.number]
