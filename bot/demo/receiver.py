"""A receiver of the demonstration on loopback: checks each message's signature, and remembers what it was told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from types import TracebackType
from typing import Self

from aiohttp import web

from bot.demo.processes.ports import LOOPBACK

_SHOWN = 8
_OUT_OF_SERVICE = 503


class DemoReceiver:
    """A program that wants to hear what happens. As a context manager it serves.

    Attributes:
        secret: with which messages are signed.
        told: types of the events, in the order in which they came; one that came twice stands once.
        is_down: whether it answers 503.
        forged: messages whose signature was wrong.
    """

    def __init__(self) -> None:
        self.secret = secrets.token_urlsafe(24)
        self.told: list[str] = []
        self.is_down = False
        self.forged = 0
        self._known: set[str] = set()
        application = web.Application()
        application.router.add_post("/events", self._take)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)

    @property
    def url(self) -> str:
        """Where it listens, once it serves."""
        return f"http://{LOOPBACK}:{self._runner.addresses[0][1]}/events"

    async def summary(self) -> str:
        """Say what it was told last."""
        if not self.told:
            return "The receiver was told nothing yet."
        return f"The receiver was told {len(self.told)} events: … {', '.join(self.told[-_SHOWN:])}"

    async def go_down(self) -> str:
        """Answer 503 from now on."""
        self.is_down = True
        return "The receiver answers 503 now; no run waits for it."

    async def come_back(self) -> str:
        """Answer again."""
        self.is_down = False
        return "The receiver is back: what it missed comes now, in order."

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, 0).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.is_down:
            return web.Response(status=_OUT_OF_SERVICE)
        identifier, sent = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        digest = hmac.new(self.secret.encode(), f"{identifier}.{sent}.".encode() + body, hashlib.sha256).digest()
        if request.headers["webhook-signature"] != f"v1,{base64.b64encode(digest).decode()}":
            self.forged += 1
            return web.Response(status=401)
        if identifier not in self._known:
            self._known.add(identifier)
            self.told.append(json.loads(body)["type"])
        return web.Response(status=204)
