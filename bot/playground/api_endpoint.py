"""The HTTP side of the Web API: encodings, tokens, scopes, rate limits, faults and the log of calls."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.playground.client.responses import answer_response_url
from bot.playground.errors import SlackError
from bot.playground.events.events import Events
from bot.playground.events.sockets import Sockets
from bot.playground.faults import CallFault, FaultEffect, Faults
from bot.playground.rate_limits import RateLimits
from bot.playground.web_api import METHODS, Method, MethodCall
from bot.playground.web_api.registry import TokenType
from bot.playground.workspace.state import State


@dataclass
class ApiCall:
    """A call that the app made, without its token.

    `error` is Slack's name of it, or the effect of a fault; None if the call succeeded.
    """

    number: int
    time: float
    method: str
    arguments: dict[str, Any] = field(repr=False)
    ok: bool = False
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Give what the control API shows."""
        return {
            "number": self.number,
            "time": self.time,
            "method": self.method,
            "ok": self.ok,
            "error": self.error,
            "arguments": self.arguments,
        }


class _AnswerLostError(Exception):
    """The connection was broken on purpose: whatever is answered reaches nobody."""


class ApiEndpoint:
    """Answers `/api/METHOD`, uploads and response URLs, and keeps a log of the calls."""

    def __init__(self, state: State, sockets: Sockets, events: Events, faults: Faults) -> None:
        """Answer for `state`."""
        self._state = state
        self._sockets = sockets
        self._events = events
        self._faults = faults
        self._limits = RateLimits()
        self._numbers = itertools.count(1)
        self.log: deque[ApiCall] = deque(maxlen=20_000)

    def add_to(self, application: web.Application) -> None:
        """Add the routes."""
        application.router.add_route("*", "/api/{method}", self._answer)
        application.router.add_post("/upload/{file}", self._upload)
        application.router.add_get("/files/{file}/{name}", self._download)
        application.router.add_get("/files-pri/{file}/{name}", self._download_private)
        application.router.add_post("/response/{name}", self._response)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        arguments = await read_arguments(request)
        shown = {key: value for key, value in arguments.items() if key != "token"}
        entry = ApiCall(next(self._numbers), time.time(), name, shown)
        self.log.append(entry)
        if self._faults.api_latency:
            await asyncio.sleep(self._faults.api_latency)
        fault = self._faults.take(name, arguments)
        try:
            return await self._carry_out(request, name, arguments, entry, fault)
        except SlackError as error:
            entry.error = error.code
            return self._json(error.body(), error.status, error.headers)
        except _AnswerLostError:
            return web.Response()

    async def _carry_out(
        self,
        request: web.Request,
        name: str,
        arguments: dict[str, Any],
        entry: ApiCall,
        fault: CallFault | None,
    ) -> web.StreamResponse:
        if fault is not None:
            entry.error = fault.effect.value
            _fail_before(request, fault)
        if name not in METHODS:
            raise SlackError("unknown_method", details={"req_method": name})
        method = METHODS[name]
        self._authorize(request, method, arguments)
        self._limit(method, arguments)
        answer = method.handler(MethodCall(self._state, self._events, self._sockets, arguments))
        if fault is not None and fault.effect is FaultEffect.RESET_AFTER:
            _reset(request)
        if fault is not None and fault.effect is FaultEffect.HANG:
            await asyncio.sleep(fault.seconds)
        entry.ok = True
        accepted = {"x-accepted-oauth-scopes": ",".join(method.scopes)} if method.scopes else {}
        return self._json({"ok": True, **answer}, 200, accepted)

    def _json(self, body: dict[str, Any], status: int, headers: Mapping[str, str]) -> web.Response:
        scopes = ",".join(self._state.workspace.app.scopes)
        return web.json_response(body, status=status, headers={"x-oauth-scopes": scopes, **headers})

    def _authorize(self, request: web.Request, method: Method, arguments: Mapping[str, Any]) -> None:
        if method.token is TokenType.NONE:
            return
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        token = bearer.strip() if scheme.lower() == "bearer" else str(arguments.get("token") or "")
        app = self._state.workspace.app
        if not token:
            raise SlackError("not_authed")
        if token not in (app.bot_token, app.app_token):
            raise SlackError("invalid_auth")
        if (token == app.app_token) is not (method.token is TokenType.APP):
            raise SlackError("not_allowed_token_type")
        if method.scopes and method.token is TokenType.BOT and not set(method.scopes) & set(app.scopes):
            needed, provided = method.scopes[0], ",".join(app.scopes)
            raise SlackError("missing_scope", details={"needed": needed, "provided": provided})

    def _limit(self, method: Method, arguments: Mapping[str, Any]) -> None:
        if not self._faults.rate_limits:
            return
        wait = self._limits.wait(method.name, str(arguments.get("channel", "")), method.tier, time.monotonic())
        if wait:
            raise _rate_limited(wait)

    async def _upload(self, request: web.Request) -> web.Response:
        file = self._state.files.get(request.match_info["file"])
        if file is None:
            return web.Response(status=404, text="file_not_found")
        if request.content_type.startswith("multipart/"):
            form = await request.post()
            part = next(iter(form.values()), b"")
            content = part.file.read() if isinstance(part, web.FileField) else bytes(part)  # type: ignore[arg-type] # aiohttp's union includes str, sent by no client here
        else:
            content = await request.read()
        if len(content) != file.length:
            return web.Response(status=400, text=f"length is {len(content)}, announced were {file.length}")
        file.fill(content)
        return web.Response(text=f"OK - {len(content)}")

    async def _download(self, request: web.Request) -> web.Response:
        file = self._state.files.get(request.match_info["file"])
        if file is None or file.content is None:
            return web.Response(status=404, text="file_not_found")
        kind = "text/plain" if file.is_text else "application/octet-stream"
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
        return web.Response(body=file.content, content_type=kind, charset="utf-8", headers=headers)

    async def _download_private(self, request: web.Request) -> web.Response:
        """Answer as Slack does at `url_private`: without a token that may read files, with the page of a login."""
        app = self._state.workspace.app
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or bearer.strip() != app.bot_token or "files:read" not in app.scopes:
            return web.Response(status=302, headers={"Location": f"{self._state.base_url}?redir=files-pri"})
        return await self._download(request)

    async def _response(self, request: web.Request) -> web.Response:
        arguments = await read_arguments(request)
        entry = ApiCall(next(self._numbers), time.time(), "response_url", arguments)
        self.log.append(entry)
        fault = self._faults.take("response_url", arguments)
        try:
            if fault is not None:
                entry.error = fault.effect.value
                _fail_before(request, fault)
            answer_response_url(self._state, request.match_info["name"], arguments)
            if fault is not None and fault.effect is FaultEffect.RESET_AFTER:
                _reset(request)
        except SlackError as error:
            entry.error = error.code
            return self._json(error.body(), error.status, error.headers)
        except _AnswerLostError:
            return web.Response()
        entry.ok = True
        return web.Response(text="ok")


def _rate_limited(seconds: float) -> SlackError:
    return SlackError("ratelimited", status=429, headers={"Retry-After": f"{seconds:g}"})


def _fail_before(request: web.Request, fault: CallFault) -> None:
    if fault.effect is FaultEffect.RATE_LIMITED:
        raise _rate_limited(fault.seconds)
    if fault.effect is FaultEffect.ERROR:
        raise SlackError(fault.error)
    if fault.effect is FaultEffect.SERVER_ERROR:
        raise web.HTTPInternalServerError(text="a fault of the playground")
    if fault.effect is FaultEffect.RESET_BEFORE:
        _reset(request)


def _reset(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
    raise _AnswerLostError


async def read_arguments(request: web.Request) -> dict[str, Any]:
    """Read the arguments of a call: query string, then form or JSON; the body wins.

    Raises:
        web.HTTPRequestEntityTooLarge: the body is larger than the server takes.
    """
    arguments: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.text() or "{}")
        except ValueError:
            body = {}
        if isinstance(body, dict):
            arguments.update(body)
    elif request.can_read_body:
        form = await request.post()
        arguments.update({key: value for key, value in form.items() if isinstance(value, str)})
    payload = arguments.get("payload")
    if request.path.startswith("/response/") and isinstance(payload, str):
        return dict(json.loads(payload))
    return arguments
