"""Events from outside: recorded, then acknowledged, then handled, each once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from bot.domain.inbox import Event, EventKind
from bot.engine.ports import Clock
from bot.engine.stores import InboxStore
from bot.slack.transport.gateway import SlackBusyError

_log = logging.getLogger(__name__)

_POLL_SECONDS = 2.0
_MAX_CONCURRENT = 16
_BATCH = 64
_MAX_PATIENCE = 0.25
"""Seconds at most that handling waits for recording: who typed a command sees the acknowledgement first."""

_MAX_TRIES = 5
_MAX_WAITS = 50
"""So often Slack may ask one event to wait."""


@dataclass(frozen=True)
class Received:
    """An event as it is handled.

    Args:
        id: its identity.
        at: when it was recorded first.
        payload: what Slack sent.
    """

    id: str
    at: datetime
    payload: Mapping[str, Any]


Handler = Callable[[Received], Awaitable[None]]


class Inbox:
    """The door: whatever Slack sends is recorded here before it is acknowledged.

    Args:
        store: where events are recorded.
        clock: says when.
        recorded: told how long recording took, in seconds.
    """

    def __init__(
        self, store: InboxStore, clock: Clock, recorded: Callable[[float], None] = lambda seconds: None
    ) -> None:
        self._store = store
        self._clock = clock
        self._recorded = recorded
        self._arrived = asyncio.Event()
        self._recording = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def receive(self, identity: str, kind: EventKind, payload: Mapping[str, Any]) -> None:
        """Record an event; returns when it is committed.

        Args:
            identity: the same event delivered again has the same.
            kind: what it is.
            payload: as Slack sent it.
        """
        body = json.dumps({"at": self._clock.now().isoformat(), "payload": payload}, separators=(",", ":"))
        self._recording += 1
        self._quiet.clear()
        began = time.monotonic()
        try:
            if await self._store.receive(Event(identity, kind, body)):
                self._arrived.set()
            self._recorded(time.monotonic() - began)
        finally:
            self._recording -= 1
            if not self._recording:
                self._quiet.set()

    async def quiet(self) -> None:
        """Wait until nothing is being recorded, for a moment at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_MAX_PATIENCE):
                await self._quiet.wait()

    async def wait(self, seconds: float) -> None:
        """Wait until something arrives, for so many seconds at most."""
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            return

    def clear(self) -> None:
        """Take note that what arrived so far is about to be read."""
        self._arrived.clear()


class InboxWorker:
    """Handles recorded events, also those that a process before this one left.

    A handler must be idempotent: after a crash it is called again.

    Args:
        inbox: wakes it.
        store: where the events wait.
        handlers: what is done with each kind; a kind without one is only settled.
        failed: told of an event that could not be handled.
        pause: seconds before the second try; twice as long before each further one.
    """

    def __init__(
        self,
        inbox: Inbox,
        store: InboxStore,
        handlers: Mapping[EventKind, Handler],
        failed: Callable[[EventKind, Received], Awaitable[None]],
        pause: float = 0.5,
    ) -> None:
        self._inbox = inbox
        self._store = store
        self._handlers = handlers
        self._failed = failed
        self._pause = pause
        self._handling: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(_MAX_CONCURRENT)
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin with what waits."""
        self._loop = asyncio.create_task(self._work(), name="inbox")

    async def drain(self, seconds: float) -> bool:
        """Handle what has arrived, for so many seconds at most; say whether nothing is left."""
        try:
            async with asyncio.timeout(seconds):
                while self._handling or await self._store.waiting(1):
                    self._inbox.clear()
                    await self._take()
                    await asyncio.gather(*self._handling.values(), return_exceptions=True)
        except TimeoutError:
            return False
        return True

    async def aclose(self) -> None:
        """Stop. What was not settled is handled at the next start."""
        tasks = [*([self._loop] if self._loop else []), *self._handling.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            self._inbox.clear()
            await self._inbox.quiet()
            try:
                await self._take()
            except Exception:
                _log.exception("cannot read the inbox")
            await self._inbox.wait(_POLL_SECONDS)

    async def _take(self) -> None:
        for event in await self._store.waiting(_BATCH):
            if event.id in self._handling:
                continue
            await self._places.acquire()
            task = asyncio.create_task(self._handle(event), name=f"event {event.kind}")
            self._handling[event.id] = task
            task.add_done_callback(partial(self._done, event.id))

    def _done(self, identity: str, _: asyncio.Task[None]) -> None:
        self._handling.pop(identity, None)
        self._places.release()

    async def _handle(self, event: Event) -> None:
        handler = self._handlers.get(event.kind)
        if handler is not None and not await self._try(handler, event):
            # An event that can never be handled must not stand in the way of the others for ever.
            await self._failed(event.kind, _received(event))
        await self._store.settle(event.id)

    async def _try(self, handler: Handler, event: Event) -> bool:
        tried = waited = 0
        while tried < _MAX_TRIES and waited < _MAX_WAITS:
            try:
                await handler(_received(event))
            except SlackBusyError as busy:
                # It was certainly not done, and is once Slack takes it: no failure of the handler.
                waited += 1
                await asyncio.sleep(busy.seconds)
            except Exception:
                tried += 1
                _log.exception("an event could not be handled", extra={"kind": event.kind.value, "tried": tried})
                if tried < _MAX_TRIES:
                    await asyncio.sleep(self._pause * 2 ** (tried - 1))
            else:
                return True
        return False


def _received(event: Event) -> Received:
    body = json.loads(event.body)
    return Received(event.id, datetime.fromisoformat(body["at"]), _well_formed(body["payload"]))


def _well_formed(value: Any) -> Any:
    """Replace halves of surrogate pairs, which JSON can carry and UTF-8 cannot: no store and no shell takes them."""
    match value:
        case str():
            return value.encode(errors="replace").decode()
        case list():
            return [_well_formed(item) for item in value]
        case dict():
            return {name: _well_formed(item) for name, item in value.items()}
    return value
