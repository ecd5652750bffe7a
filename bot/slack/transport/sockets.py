"""Two Socket Mode connections on one bolt application, watched and replaced.

Two, so that something is connected while Slack refreshes one: with none, commands and events are lost for good.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.websockets import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackClientError
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.socket_mode.websockets import SocketModeClient
from websockets.exceptions import WebSocketException

from bot.slack.transport.gateway import Gateway, SlackBusyError, SlackRefusedError, SlackUncertainError
from bot.slack.transport.listeners import RecordCommand

_log = logging.getLogger(__name__)

# The SDK's own loggers print payloads at DEBUG and a line a second for a lost connection at ERROR; the watchdog tells.
_quiet = logging.getLogger("countersign.slack.sdk")
_quiet.setLevel(logging.CRITICAL)

LINES = 2
_COMMAND = "slash_commands"
"""The type of an envelope."""

_PING_SECONDS = 5.0
_WATCH_SECONDS = 1.0
_PROBE_SECONDS = 60.0
_SILENT_SECONDS = 180.0
"""A connection that brought nothing for so long is replaced: it may be one that stands but delivers nothing."""

_CONNECT_SECONDS = 20.0
_TROUBLE = (aiohttp.ClientError, SlackClientError, WebSocketException, OSError, TimeoutError)


class _Handler(AsyncSocketModeHandler):
    """Has commands recorded and acknowledges them; hands everything else to bolt.

    Args:
        app: bolt's application.
        token: `xapp-…`.
        record: commits a command.
    """

    def __init__(self, app: AsyncApp, token: str, record: RecordCommand) -> None:
        super().__init__(app, token, logger=_quiet, ping_interval=_PING_SECONDS)
        self._record = record

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override] # as bolt's own does
        """Deal with one envelope."""
        if req.type != _COMMAND:
            await super().handle(client, req)
            return
        try:
            await self._record(req.payload)
        except Exception as error:
            # No traceback: it would carry the payload's values.
            _log.error("a command could not be recorded and is not acknowledged: %s", type(error).__name__)
            return
        await client.send_socket_mode_response(SocketModeResponse(envelope_id=req.envelope_id))


class SocketConnection:
    """One connection.

    Args:
        app: bolt's application.
        token: `xapp-…`.
        record: commits a command.
        greeted: told whenever Slack greets a new connection.
    """

    def __init__(self, app: AsyncApp, token: str, record: RecordCommand, greeted: Callable[[], None]) -> None:
        self._app = app
        self._record = record
        self._token = token
        self._greeted = greeted
        self._handler: AsyncSocketModeHandler | None = None
        self._heard = time.monotonic()

    async def is_connected(self) -> bool:
        """Say whether the connection stands."""
        return self._handler is not None and await self._handler.client.is_connected()

    @property
    def silent_for(self) -> float:
        """Seconds since anything arrived."""
        return time.monotonic() - self._heard

    async def connect(self) -> None:
        """Connect anew: the new connection stands before the old one is closed.

        Raises:
            OSError, TimeoutError, SlackClientError, WebSocketException, aiohttp.ClientError: it did not work.
        """
        old = self._handler
        fresh = _Handler(self._app, self._token, self._record)
        fresh.client.message_listeners.append(self._hear)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await fresh.connect_async()  # type: ignore[no-untyped-call] # slack-bolt leaves it untyped
        except BaseException:
            await _end(fresh.client)
            raise
        self._handler = fresh
        self._heard = time.monotonic()
        if old is not None:
            await _end(old.client)

    async def close(self) -> None:
        """Close the connection and end its tasks."""
        if self._handler is not None:
            await _end(self._handler.client)
            self._handler = None

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
    except _TROUBLE:
        _log.debug("a connection did not close well")
    pending = [task for task in tasks if task is not None and not task.done()]
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)


class SlackSockets:
    """Owns the connections.

    Args:
        app: bolt's application.
        token: `xapp-…`.
        record: commits a command.
        gateway: probed every minute.
        reconnected: told whenever a connection is new, as events may have been missed before.
    """

    def __init__(
        self, app: AsyncApp, token: str, record: RecordCommand, gateway: Gateway, reconnected: Callable[[], None]
    ) -> None:
        self._gateway = gateway
        self._lines = tuple(SocketConnection(app, token, record, reconnected) for _ in range(LINES))
        self._tasks: list[asyncio.Task[None]] = []
        self._connected = False
        self._since = time.monotonic()

    @property
    def connected(self) -> bool:
        """Whether at least one connection stands."""
        return self._connected

    @property
    def age(self) -> float:
        """Seconds since `connected` last changed."""
        return time.monotonic() - self._since

    async def start(self) -> None:
        """Connect all lines, however long Slack lets us wait, and watch them from then on."""
        for line in self._lines:
            pause = 0.5
            while True:
                try:
                    await line.connect()
                    break
                except _TROUBLE as error:
                    _log.warning("cannot connect to Slack yet: %s", type(error).__name__)
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, 15.0)
            self._note(connected=True)
        self._tasks = [
            *(asyncio.create_task(self._watch(line), name=f"socket {n}") for n, line in enumerate(self._lines)),
            asyncio.create_task(self._probe(), name="slack probe"),
        ]

    async def close(self) -> None:
        """Close everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(line.close() for line in self._lines), return_exceptions=True)
        self._note(connected=False)

    async def _watch(self, line: SocketConnection) -> None:
        pause = _WATCH_SECONDS
        while True:
            await asyncio.sleep(pause)
            if await line.is_connected() and line.silent_for < _SILENT_SECONDS:
                self._note(connected=True)
                pause = _WATCH_SECONDS
                continue
            try:
                await line.connect()
                pause = _WATCH_SECONDS
            except _TROUBLE as error:
                _log.warning("a connection to Slack is lost: %s", type(error).__name__)
                pause = min(pause * 2, 15.0)
            self._note(connected=any([await each.is_connected() for each in self._lines]))

    async def _probe(self) -> None:
        while True:
            try:
                await self._gateway.who_am_i()
            except (SlackRefusedError, SlackBusyError, SlackUncertainError) as error:
                _log.warning("Slack's Web API does not answer: %s", error)
            await asyncio.sleep(_PROBE_SECONDS)

    def _note(self, *, connected: bool) -> None:
        if connected != self._connected:
            self._connected = connected
            self._since = time.monotonic()
