"""Two Socket Mode connections on one bolt application, watched and replaced.

Two, so that one is connected while Slack refreshes the other: without one, commands and events are lost.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.websockets import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackClientError
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.socket_mode.websockets import SocketModeClient
from websockets.exceptions import WebSocketException

from bot.background import RepeatedWork, TaskSet, backoff
from bot.slack.transport.gateway import Gateway, SlackBusyError, SlackRefusedError, SlackUncertainError
from bot.slack.transport.listeners import RecordCommand
from bot.slack.transport.login import FATAL, SocketModeRefusedError

_log = logging.getLogger(__name__)

# The SDK's own loggers print payloads at DEBUG, and a line a second for a lost connection at ERROR.
_quiet = logging.getLogger("countersign.slack.sdk")
_quiet.setLevel(logging.CRITICAL)

_COMMAND = "slash_commands"
"""The type of an envelope."""

_PING_SECONDS = 5.0
_WATCH_SECONDS = 1.0
_PROBE_SECONDS = 60.0
_PONG_SECONDS = 20.0
"""A connection that has not answered a ping for longer is replaced: it may be open but dead."""

_QUIET_SECONDS = (900.0, 1500.0)
"""A connection that only answers pings and delivers nothing for longer is replaced too.

In a quiet workspace that is the rule, so each connection has a time of its own: one always stands.
"""

_CONNECT_SECONDS = 20.0
_FIRST_RETRY_SECONDS = 0.5
_MAX_RETRY_SECONDS = 15.0
_CONNECTION_ERRORS = (aiohttp.ClientError, SlackClientError, WebSocketException, OSError, TimeoutError)


class _Handler(AsyncSocketModeHandler):
    """Records and acknowledges commands; hands everything else to bolt.

    Args:
        app: bolt's application.
        token: `xapp-…`.
        record: commits a command.
    """

    def __init__(self, app: AsyncApp, token: str, record: RecordCommand) -> None:
        super().__init__(app, token, logger=_quiet, ping_interval=_PING_SECONDS)
        self._record = record

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override] # as bolt's own does
        """Handle one envelope."""
        if req.type != _COMMAND:
            await super().handle(client, req)
            return
        try:
            shown = await self._record(req.payload)
        except Exception as error:
            # No traceback: it would contain values of the payload.
            _log.error("a command could not be recorded and is not acknowledged: %s", type(error).__name__)
            return
        await client.send_socket_mode_response(SocketModeResponse(req.envelope_id, dict(shown) or None))


class SocketConnection:
    """One connection.

    Args:
        app: bolt's application.
        token: `xapp-…`.
        record: commits a command.
        greeted: called whenever Slack greets a new connection.
        gateway: asks for the URL of a connection.
        quiet: seconds without a message after which it is replaced.
    """

    def __init__(
        self,
        app: AsyncApp,
        token: str,
        record: RecordCommand,
        greeted: Callable[[], None],
        gateway: Gateway,
        quiet: float,
    ) -> None:
        self._gateway = gateway
        self._quiet = quiet
        self._ponged = time.monotonic()
        self._pinging = TaskSet()
        self._app = app
        self._record = record
        self._token = token
        self._greeted = greeted
        self._handler: AsyncSocketModeHandler | None = None
        self._heard = time.monotonic()

    async def is_connected(self) -> bool:
        """Return whether it is connected."""
        return self._handler is not None and await self._handler.client.is_connected()

    async def is_alive(self) -> bool:
        """Return whether it is connected, answers pings, and has delivered something within its time; ping it again."""
        now = time.monotonic()
        alive = await self.is_connected() and now - self._ponged < _PONG_SECONDS and now - self._heard < self._quiet
        if alive:
            self._pinging.start(self._ping(), "ping")
        return alive

    async def connect(self) -> None:
        """Connect; a connection that there was is closed only once the new one is there.

        Raises:
            SocketModeRefusedError: the app token is not accepted, or the app has no Socket Mode.
            SlackBusyError: Slack asks to wait.
            SlackRefusedError, SlackUncertainError, OSError, TimeoutError, SlackClientError, WebSocketException,
            aiohttp.ClientError: not connected.
        """
        try:
            url = await self._gateway.open_connection(self._token)
        except SlackRefusedError as refused:
            if refused.error in FATAL:
                raise SocketModeRefusedError(refused.error) from None
            raise
        old = self._handler
        fresh = _Handler(self._app, self._token, self._record)
        fresh.client.wss_uri = url
        fresh.client.message_listeners.append(self._hear)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await fresh.connect_async()  # type: ignore[no-untyped-call] # slack-bolt leaves it untyped
        except BaseException:
            await _end(fresh.client)
            raise
        self._handler = fresh
        self._heard = self._ponged = time.monotonic()
        if old is not None:
            await _end(old.client)

    async def close(self) -> None:
        """Close the connection and end its tasks."""
        await self._pinging.aclose()
        if self._handler is not None:
            await _end(self._handler.client)
            self._handler = None

    async def _ping(self) -> None:
        """Ping Slack, and note when it answered."""
        session = self._handler.client.current_session if self._handler is not None else None
        if session is None:
            return
        try:
            async with asyncio.timeout(_PONG_SECONDS):
                await (await session.ping())
        except _CONNECTION_ERRORS:
            return  # found by the watch
        if self._handler is not None and self._handler.client.current_session is session:
            self._ponged = time.monotonic()

    async def _hear(self, _client: Any, message: dict[str, Any], _raw: str | None) -> None:
        self._heard = time.monotonic()
        if message.get("type") == "hello":
            self._greeted()


async def _end(client: SocketModeClient) -> None:
    """Close a client and the tasks that it leaves pending."""
    tasks = (client.message_processor, client.current_session_monitor, client.message_receiver)
    try:
        async with asyncio.timeout(3):
            await client.close()  # type: ignore[no-untyped-call] # slack-sdk leaves it untyped
    except _CONNECTION_ERRORS:
        _log.debug("a connection did not close well")
    pending = [task for task in tasks if task is not None and not task.done()]
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)


class SlackSockets:
    """Keeps two connections to Slack.

    Args:
        app: bolt's application.
        token: `xapp-…`.
        record: commits a command.
        gateway: probed every minute.
        reconnected: called whenever a connection is new, as events may have been missed before.
    """

    def __init__(
        self, app: AsyncApp, token: str, record: RecordCommand, gateway: Gateway, reconnected: Callable[[], None]
    ) -> None:
        self._gateway = gateway
        self._connections = tuple(
            SocketConnection(app, token, record, reconnected, gateway, quiet) for quiet in _QUIET_SECONDS
        )
        self._probe = RepeatedWork("slack-probe", self._ask_identity, interval=_PROBE_SECONDS, failed=_no_answer)
        self._watches = tuple(
            RepeatedWork(f"socket {n}", partial(self._watch, connection), interval=_WATCH_SECONDS, failed=_lost)
            for n, connection in enumerate(self._connections)
        )
        self._closed = False
        self._connected = False
        self._since = time.monotonic()

    @property
    def connected(self) -> bool:
        """Whether at least one of them is connected."""
        return self._connected

    @property
    def age(self) -> float:
        """Seconds since `connected` last changed."""
        return time.monotonic() - self._since

    async def start(self) -> None:
        """Connect, however long that takes, and keep connected from then on.

        Raises:
            SocketModeRefusedError: the app token is not accepted.
        """
        for connection in self._connections:
            await _connect(connection)
            self._set_connected(connected=True)
        for watch in self._watches:
            watch.start()
        self._probe.wake()
        self._probe.start()

    async def leave(self) -> None:
        """Close the connections until `come_back`, so that Slack gives what it sends to other replicas."""
        for watch in self._watches:
            await watch.aclose()
        await self._disconnect()

    def come_back(self) -> None:
        """Connect again after `leave`, and keep connected, unless they were closed for good; returns at once."""
        for watch in self._watches if not self._closed else ():
            watch.start()
            watch.wake()

    async def close(self) -> None:
        """Close the connections for good."""
        self._closed = True
        for work in (*self._watches, self._probe):
            await work.aclose()
        await self._disconnect()

    async def _disconnect(self) -> None:
        await asyncio.gather(*(connection.close() for connection in self._connections), return_exceptions=True)
        self._set_connected(connected=False)

    async def _watch(self, connection: SocketConnection) -> None:
        """Replace a connection that is lost or delivers nothing."""
        if await connection.is_alive():
            self._set_connected(connected=True)
            return
        try:
            await connection.connect()
        finally:
            self._set_connected(connected=any([await each.is_connected() for each in self._connections]))

    async def _ask_identity(self) -> None:
        await self._gateway.identity()

    def _set_connected(self, *, connected: bool) -> None:
        if connected != self._connected:
            self._connected = connected
            self._since = time.monotonic()


async def _connect(connection: SocketConnection) -> None:
    """Connect, however long it takes.

    Raises:
        SocketModeRefusedError: it never will work.
    """
    failures = 0
    while True:
        try:
            await connection.connect()
        except (*_CONNECTION_ERRORS, SlackRefusedError, SlackBusyError, SlackUncertainError) as error:
            failures += 1
            _log.warning("cannot connect to Slack yet: %s", _described(error))
            await asyncio.sleep(_pause(error, failures))
        else:
            return


def _pause(error: Exception, failures: int) -> float:
    if isinstance(error, SlackBusyError):
        return error.seconds
    return backoff(failures, first=_FIRST_RETRY_SECONDS, longest=_MAX_RETRY_SECONDS)


def _described(error: Exception) -> str:
    """Describe an error without values of a payload."""
    known = isinstance(error, SlackRefusedError | SlackBusyError | SlackUncertainError | SocketModeRefusedError)
    return str(error) if known else type(error).__name__


def _lost(error: Exception, failures: int) -> float:
    if isinstance(error, SocketModeRefusedError):
        # It was accepted once: an administrator changed it, and may change it back.
        _log.error("%s. Nothing is heard from Slack until that is mended", error)
        return _MAX_RETRY_SECONDS
    known = isinstance(error, (*_CONNECTION_ERRORS, SlackRefusedError, SlackBusyError, SlackUncertainError))
    _log.warning("a connection to Slack is lost: %s", _described(error), exc_info=None if known else error)
    return max(_pause(error, failures), 2 * _WATCH_SECONDS)


def _no_answer(error: Exception, failures: int) -> float:
    if isinstance(error, SlackRefusedError):
        _log.error("Slack refuses the bot's token: %s", error.error, extra={"times": failures})
    else:
        _log.warning("Slack's Web API does not answer: %s", error, extra={"times": failures})
    return _PROBE_SECONDS
