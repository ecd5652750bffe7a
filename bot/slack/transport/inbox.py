"""Events from Slack: recorded, then acknowledged, then handled, each once."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from bot.background import RepeatedWork, backoff, cancel, wait_for
from bot.domain.inbox import Event, EventKind
from bot.engine.ports import Clock
from bot.engine.stores import InboxStore
from bot.slack.transport.gateway import SlackBusyError

_log = logging.getLogger(__name__)

_POLL_SECONDS = 2.0
_MAX_CONCURRENT = 16
_BATCH = 64
_MAX_RECORDING_SECONDS = 0.25
"""How long handling waits for recording, so that commands are acknowledged before they are handled."""

_PROMPT_SECONDS = {EventKind.COMMAND: 2.0, EventKind.BUTTON: 2.0, EventKind.VIEW: 1.0}
"""How long recording may take, for what Slack does not send again but calls failed after 3 s.

A form is judged before it is recorded, which takes its part of them.
"""

_MAX_TRIES = 5
_MAX_PAUSE_SECONDS = 60.0
_MAX_WAITS = 50
"""Maximum times that Slack may ask to wait while one event is handled."""


@dataclass(frozen=True)
class ReceivedEvent:
    """A recorded event.

    Args:
        id: its identity.
        at: when it was first recorded.
        payload: what Slack sent.
    """

    id: str
    at: datetime
    payload: Mapping[str, Any]


Handler = Callable[[ReceivedEvent], Awaitable[None]]


class EventRecorder:
    """Records what Slack sends, before it is acknowledged.

    Args:
        store: where events are recorded.
        clock: the time.
        recorded: called with how long recording took, in seconds.
    """

    def __init__(
        self, store: InboxStore, clock: Clock, recorded: Callable[[float], None] = lambda seconds: None
    ) -> None:
        self._store = store
        self._clock = clock
        self._recorded = recorded
        self._arrived: Callable[[], None] = _ignored
        self._recording: Counter[str] = Counter()
        self._disowned: set[str] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def call_on_arrival(self, arrived: Callable[[], None]) -> None:
        """Set what is called whenever a new event is recorded."""
        self._arrived = arrived

    async def receive(self, identity: str, kind: EventKind, payload: Mapping[str, Any]) -> None:
        """Record an event; returns when it is committed.

        What Slack does not send again is disowned where it could not be recorded in time: it is not done then, even if
        the store turns out to have it.

        Args:
            identity: the same event delivered again has the same.
            kind: of the event.
            payload: as Slack sent it.

        Raises:
            TimeoutError: it could not be recorded in time.
            Exception: whatever the store raises.
        """
        body = json.dumps({"at": self._clock.now().isoformat(), "payload": payload}, separators=(",", ":"))
        self._recording[identity] += 1
        self._idle.clear()
        began = time.monotonic()
        limit = _PROMPT_SECONDS.get(kind)
        try:
            async with asyncio.timeout(limit):
                is_new = await self._store.receive(Event(identity, kind, body), limit)
        except Exception:
            if limit is not None:
                self._disowned.add(identity)
            raise
        finally:
            self._recording -= Counter([identity])
            if not self._recording:
                self._idle.set()
        self._recorded(time.monotonic() - began)
        if is_new:
            self._arrived()

    def is_recording(self, identity: str) -> bool:
        """Whether an event is still being recorded, so that it may yet be disowned."""
        return identity in self._recording

    def disowns(self, identity: str) -> bool:
        """Whether Slack was not told in time that an event is taken in."""
        return identity in self._disowned

    def forget(self, identity: str) -> None:
        """Forget an event that is settled."""
        self._disowned.discard(identity)

    async def wait_idle(self) -> None:
        """Wait until nothing is being recorded, for a moment at most."""
        await wait_for(self._idle, _MAX_RECORDING_SECONDS)


def _ignored() -> None:
    """Do nothing: a worker reads at its start what was recorded before."""


class InboxWorker:
    """Handles recorded events, also those that an earlier process left.

    A handler must be idempotent: after a crash it is called again.

    Args:
        inbox: where events arrive.
        store: where they are recorded.
        handlers: by kind; an event of a kind without one is only settled.
        failed: called with an event that could not be handled.
        pause: seconds before the second try; twice as long before each further one.
    """

    def __init__(
        self,
        inbox: EventRecorder,
        store: InboxStore,
        handlers: Mapping[EventKind, Handler],
        failed: Callable[[EventKind, ReceivedEvent], Awaitable[None]],
        pause: float = 0.5,
    ) -> None:
        self._inbox = inbox
        self._store = store
        self._handlers = handlers
        self._failed = failed
        self._pause = pause
        self._handling: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(_MAX_CONCURRENT)
        self._reading = RepeatedWork("inbox", self._read, interval=_POLL_SECONDS, failed=_unreadable)
        inbox.call_on_arrival(self._reading.wake)

    def start(self) -> None:
        """Begin with the events that wait."""
        self._reading.wake()
        self._reading.start()

    async def drain(self, seconds: float) -> bool:
        """Handle what has arrived, for at most `seconds`; return whether nothing is left."""
        try:
            async with asyncio.timeout(seconds):
                while self._handling or await self._store.waiting(1):
                    await self._take()
                    await asyncio.gather(*self._handling.values(), return_exceptions=True)
        except TimeoutError:
            return False
        return True

    async def aclose(self) -> None:
        """Stop. What was not settled is handled at the next start."""
        await self._reading.aclose()
        await cancel(*self._handling.values())

    async def _read(self) -> None:
        await self._inbox.wait_idle()
        await self._take()

    async def _take(self) -> None:
        for event in await self._store.waiting(_BATCH):
            if event.id in self._handling or self._inbox.is_recording(event.id):
                continue
            await self._places.acquire()
            task = asyncio.create_task(self._handle(event), name=f"event {event.kind}")
            self._handling[event.id] = task
            task.add_done_callback(partial(self._done, event.id))

    def _done(self, identity: str, _: asyncio.Task[None]) -> None:
        self._handling.pop(identity, None)
        self._places.release()

    async def _handle(self, event: Event) -> None:
        handler = None if self._inbox.disowns(event.id) else self._handlers.get(event.kind)
        if handler is not None and not await self._try(handler, event):
            # An event that can never be handled must not hold up the others for ever.
            await self._failed(event.kind, _received(event))
        await self._store.settle(event.id)
        self._inbox.forget(event.id)

    async def _try(self, handler: Handler, event: Event) -> bool:
        tried = waited = 0
        while tried < _MAX_TRIES and waited < _MAX_WAITS:
            try:
                await handler(_received(event))
            except SlackBusyError as busy:
                # It was certainly not done, and will be done once Slack accepts it: not a failure of the handler.
                waited += 1
                await asyncio.sleep(busy.seconds)
            except Exception:
                tried += 1
                _log.exception("an event could not be handled", extra={"kind": event.kind.value, "tried": tried})
                if tried < _MAX_TRIES:
                    await asyncio.sleep(backoff(tried, first=self._pause, longest=_MAX_PAUSE_SECONDS))
            else:
                return True
        return False


def _unreadable(error: Exception, failures: int) -> float:
    _log.error("cannot read the inbox", exc_info=error, extra={"times": failures})
    return _POLL_SECONDS


def _received(event: Event) -> ReceivedEvent:
    body = json.loads(event.body)
    return ReceivedEvent(event.id, datetime.fromisoformat(body["at"]), _well_formed(body["payload"]))


def _well_formed(value: Any) -> Any:
    """Replace lone surrogates, which JSON can carry and UTF-8 cannot: no store and no shell accepts them."""
    match value:
        case str():
            return value.encode(errors="replace").decode()
        case list():
            return [_well_formed(item) for item in value]
        case dict():
            return {name: _well_formed(item) for name, item in value.items()}
    return value
