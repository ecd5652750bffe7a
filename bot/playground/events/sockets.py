"""Socket Mode: tickets, sockets, envelopes and their acknowledgements."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from aiohttp import WSMsgType, web

from bot.playground.faults import Faults

MAX_SOCKETS = 10
MAX_RETRIES = 3


class Outcome(Enum):
    """What became of an envelope."""

    ACKED = "acked"
    NO_SOCKET = "no_socket"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True)
class EnvelopeDelivery:
    """What became of an envelope, and the payload of the acknowledgement (`{}` if it had none)."""

    outcome: Outcome
    payload: dict[str, Any] = field(default_factory=dict)


class Disconnect(Enum):
    """The reason that Slack gives for closing a socket."""

    WARNING = "warning"
    REFRESH = "refresh_requested"
    LINK_DISABLED = "link_disabled"
    TOO_MANY = "too_many_websockets"


class Socket:
    """One connection of the app. A zombie stays connected, but nothing arrives any more, no pong either."""

    def __init__(self, connection: web.WebSocketResponse, request: web.Request) -> None:
        self.connection = connection
        self.request = request
        self.zombie = False

    async def send(self, data: dict[str, Any]) -> None:
        """Send a message; a broken connection is found out by its reader."""
        if self.zombie or self.connection.closed:
            return
        try:
            await self.connection.send_str(json.dumps(data))
        except (ConnectionError, RuntimeError):
            return

    def abort(self) -> None:
        """Break the connection without a word."""
        if self.request.transport is not None:
            self.request.transport.abort()


class Sockets:
    """The app's sockets, and what is on its way to them. Owns its tasks; `close` ends them."""

    def __init__(self, app_id: str, faults: Faults, changed: Callable[[int], None]) -> None:
        """Start without sockets.

        Args:
            app_id: named in `hello`.
            faults: what goes wrong.
            changed: called with the number of sockets whenever it changes.
        """
        self._app_id = app_id
        self._faults = faults
        self._changed = changed
        self._tickets: set[str] = set()
        self._sockets: list[Socket] = []
        self._pending: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.lost_events = 0

    @property
    def count(self) -> int:
        """How many sockets are connected."""
        return len(self._sockets)

    @property
    def busy(self) -> int:
        """How many envelopes are on their way or wait for their acknowledgement."""
        return len(self._tasks) + len(self._pending)

    def hand_out_ticket(self) -> str:
        """Make a ticket for one connection."""
        ticket = secrets.token_urlsafe(24)
        self._tickets.add(ticket)
        return ticket

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Handle a WebSocket connection until it ends."""
        ticket = request.query.get("ticket", "")
        if self._faults.refuse_sockets:
            return web.Response(status=503, text="refused by a fault of the playground")
        if ticket not in self._tickets:
            return web.Response(status=404, text="this ticket was used or never existed")
        self._tickets.discard(ticket)
        connection = web.WebSocketResponse(max_msg_size=1 << 22, autoping=False)
        await connection.prepare(request)
        socket = Socket(connection, request)
        if len(self._sockets) >= MAX_SOCKETS:
            await socket.send({"type": "disconnect", "reason": Disconnect.TOO_MANY.value, "debug_info": _debug()})
            await connection.close()
            return connection
        self._sockets.append(socket)
        self._changed(self.count)
        try:
            await socket.send(self._hello())
            async for message in connection:
                if message.type is WSMsgType.PING and not socket.zombie:
                    await connection.pong(message.data)
                if message.type is WSMsgType.TEXT:
                    self._acknowledge(message.data)
        finally:
            self._sockets.remove(socket)
            self._changed(self.count)
        return connection

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": self.count,
            "connection_info": {"app_id": self._app_id},
            "debug_info": {**_debug(), "build_number": 1, "approximate_connection_time": 18060},
        }

    def _acknowledge(self, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            return
        if not isinstance(message, dict):
            return
        future = self._pending.get(str(message.get("envelope_id")))
        if future is not None and not future.done():
            payload = message.get("payload")
            future.set_result(payload if isinstance(payload, dict) else {})

    async def deliver(self, kind: str, payload: dict[str, Any], *, takes_response: bool) -> EnvelopeDelivery:
        """Send a command or interaction to any one socket, once, and wait for its acknowledgement.

        Args:
            kind: `slash_commands` or `interactive`.
            payload: the payload of the envelope.
            takes_response: the acknowledgement may carry an answer.
        """
        if not self._sockets:
            return EnvelopeDelivery(Outcome.NO_SOCKET)
        envelope = {
            "envelope_id": str(uuid.uuid4()),
            "type": kind,
            "accepts_response_payload": takes_response,
            "payload": payload,
        }
        if self._faults.duplicate:
            self._spawn(self._send_late(envelope))
        return await self._send_and_wait(envelope)

    def send_event(self, payload: dict[str, Any]) -> None:
        """Send an event to any one socket; unacknowledged ones are sent again, as Slack does."""
        if self._faults.lose_events:
            self.lost_events += 1
            return
        self._spawn(self._send_event(payload))
        if self._faults.duplicate:
            self._spawn(self._send_event(payload))

    async def _send_event(self, payload: dict[str, Any]) -> None:
        if not self._sockets:
            self.lost_events += 1
            return
        for attempt in range(MAX_RETRIES + 1):
            envelope = {
                "envelope_id": str(uuid.uuid4()),
                "type": "events_api",
                "accepts_response_payload": False,
                "retry_attempt": attempt,
                "retry_reason": "timeout" if attempt else "",
                "payload": payload,
            }
            delivery = await self._send_and_wait(envelope)
            if delivery.outcome is Outcome.ACKED:
                return
        self.lost_events += 1

    async def _send_and_wait(self, envelope: dict[str, Any]) -> EnvelopeDelivery:
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._pending[envelope["envelope_id"]] = future
        try:
            await self._send_late(envelope)
            async with asyncio.timeout(self._faults.ack_seconds):
                return EnvelopeDelivery(Outcome.ACKED, await future)
        except TimeoutError:
            return EnvelopeDelivery(Outcome.TIMED_OUT)
        finally:
            del self._pending[envelope["envelope_id"]]

    async def _send_late(self, envelope: dict[str, Any]) -> None:
        late = self._faults.event_delay + random.uniform(0, self._faults.event_shuffle)  # noqa: S311 - no secret
        if late:
            await asyncio.sleep(late)
        if self._sockets:
            await random.choice(self._sockets).send(envelope)  # noqa: S311 - no secret

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def drop_all(self) -> int:
        """Abort every connection without a close frame; return how many there were."""
        for socket in self._sockets:
            socket.abort()
        return len(self._sockets)

    def make_zombies(self) -> int:
        """Keep every connection open but deliver nothing more to it; return how many there were."""
        for socket in self._sockets:
            socket.zombie = True
        return len(self._sockets)

    async def disconnect(self, reason: Disconnect) -> int:
        """Announce to every socket that it will be closed, and close it, except after a mere warning."""
        sockets = list(self._sockets)
        for socket in sockets:
            await socket.send({"type": "disconnect", "reason": reason.value, "debug_info": _debug()})
            if reason is not Disconnect.WARNING:
                self._spawn(_close_soon(socket))
        return len(sockets)

    async def close(self) -> None:
        """End every task and connection."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for socket in list(self._sockets):
            await socket.connection.close(code=1001)


async def _close_soon(socket: Socket) -> None:
    await asyncio.sleep(0.2)
    await socket.connection.close(code=1000)


def _debug() -> dict[str, Any]:
    return {"host": "applink-playground"}
