"""The control API under `/playground/`: for the page and for tests. docs/playground-reference.md describes it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import aiohttp
from aiohttp import web

from bot.playground.api_endpoint import ApiEndpoint
from bot.playground.client.client_actions import Click, ClientActions
from bot.playground.client.snapshot import snapshot
from bot.playground.errors import ClientActionError
from bot.playground.events.sockets import Disconnect, EnvelopeDelivery, Sockets
from bot.playground.faults import CallFault, Faults
from bot.playground.workspace.changes import Change
from bot.playground.workspace.state import State

Act = Callable[["Body"], Awaitable[dict[str, Any]]]


class Body:
    """The decoded JSON of a request."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Read from `data`."""
        self._data = data

    def text(self, key: str) -> str:
        """Give a text.

        Raises:
            ClientActionError: it is missing or no text.
        """
        value = self._data.get(key)
        if not isinstance(value, str):
            raise ClientActionError(f"{key}: must be a text")
        return value

    def optional(self, key: str) -> str | None:
        """Give a text, or None if it is not there."""
        return self.text(key) if self._data.get(key) is not None else None

    def values(self) -> Mapping[str, Mapping[str, Any]]:
        """Give what stands in a form: block_id → action_id → value.

        Raises:
            ClientActionError: it has another shape.
        """
        values = self._data.get("values", {})
        if not isinstance(values, dict) or not all(isinstance(item, dict) for item in values.values()):
            raise ClientActionError("values: must map block IDs to objects of action IDs")
        return values

    def click(self) -> Click:
        """Give the click on an element."""
        return Click(self.text("action_id"), self.optional("block_id"), self._data.get("value"), self.values())

    def without_actor(self) -> dict[str, Any]:
        """Give everything but `user`: faults are nobody's doing."""
        return {key: value for key, value in self._data.items() if key != "user"}


class ControlApi:
    """Answers `/playground/…`."""

    def __init__(
        self,
        state: State,
        client_actions: ClientActions,
        sockets: Sockets,
        faults: Faults,
        api: ApiEndpoint,
        session: aiohttp.ClientSession,
        actions_url: str | None,
    ) -> None:
        """Control these parts; `session` reaches `actions_url`, if there is one."""
        self._state = state
        self._client_actions = client_actions
        self._sockets = sockets
        self._faults = faults
        self._api = api
        self._session = session
        self._actions_url = actions_url

    def add_to(self, application: web.Application) -> None:
        """Add the routes."""
        add = application.router
        add.add_get("/playground/state", self._get_state)
        add.add_get("/playground/stream", self._stream)
        add.add_get("/playground/calls", self._get_calls)
        add.add_delete("/playground/calls", self._forget_calls)
        add.add_get("/playground/faults", self._get_faults)
        add.add_get("/playground/actions", self._get_actions)
        acts: dict[str, Act] = {
            "command": self._command,
            "message": self._message,
            "files": self._share,
            "react": self._react,
            "unreact": self._unreact,
            "click": self._click,
            "submit": self._submit,
            "close": self._close,
            "home": self._home,
            "dismiss": self._dismiss,
            "faults": self._set_faults,
            "faults/clear": self._clear_faults,
            "faults/calls": self._add_call_fault,
            "sockets/drop": self._drop,
            "sockets/zombie": self._zombie,
            "sockets/disconnect": self._disconnect,
            "actions": self._post_action,
        }
        for name, act in acts.items():
            add.add_post(f"/playground/{name}", _as_handler(act))

    # reading

    async def _get_state(self, _request: web.Request) -> web.Response:
        return web.json_response(snapshot(self._state, self._sockets))

    async def _get_calls(self, request: web.Request) -> web.Response:
        wanted = request.query.get("method")
        calls = [call.to_json() for call in self._api.log if wanted in (None, call.method)]
        return web.json_response({"ok": True, "calls": calls, "count": len(calls)})

    async def _forget_calls(self, _request: web.Request) -> web.Response:
        self._api.log.clear()
        return web.json_response({"ok": True})

    async def _get_faults(self, _request: web.Request) -> web.Response:
        answer = {"sockets": self._sockets.count, "lost_events": self._sockets.lost_events}
        answer["busy"] = self._sockets.busy
        return web.json_response({"ok": True, "faults": self._faults.to_json(), **answer})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        with suppress(ConnectionResetError):  # the page was closed
            await self._tell(request, response)
        return response

    async def _tell(self, request: web.Request, response: web.StreamResponse) -> None:
        after = request.headers.get("Last-Event-ID") or request.query.get("after") or "0"
        with self._state.changes.follow() as queue:
            missed = self._state.changes.since(int(after)) if after.isdecimal() else None
            if missed is None:
                await response.write(b"event: reload\ndata: {}\n\n")
            for change in missed or []:
                await response.write(_as_event(change))
            await self._follow(response, queue)

    async def _follow(self, response: web.StreamResponse, queue: asyncio.Queue[Change | None]) -> None:
        while True:
            try:
                async with asyncio.timeout(15):
                    change = await queue.get()
            except TimeoutError:
                await response.write(b": still here\n\n")
                continue
            if change is None:
                return
            await response.write(_as_event(change))

    # acting as a person

    async def _command(self, body: Body) -> dict[str, Any]:
        return _delivered(
            await self._client_actions.command(body.text("user"), body.text("channel"), body.text("text"))
        )

    async def _message(self, body: Body) -> dict[str, Any]:
        message = self._client_actions.write(
            body.text("user"), body.text("channel"), body.text("text"), body.optional("thread_ts")
        )
        return {"ts": message.ts}

    async def _share(self, body: Body) -> dict[str, Any]:
        try:
            content = base64.b64decode(body.text("content"), validate=True)
        except ValueError:
            raise ClientActionError("content: must be base64") from None
        place = body.text("channel"), body.optional("thread_ts")
        return {"ts": self._client_actions.share(body.text("user"), place, body.text("name"), content).ts}

    async def _react(self, body: Body) -> dict[str, Any]:
        self._client_actions.react(body.text("user"), body.text("channel"), body.text("ts"), body.text("name"))
        return {}

    async def _unreact(self, body: Body) -> dict[str, Any]:
        self._client_actions.unreact(body.text("user"), body.text("channel"), body.text("ts"), body.text("name"))
        return {}

    async def _click(self, body: Body) -> dict[str, Any]:
        user, view = body.text("user"), body.optional("view_id")
        if view is not None:
            return _delivered(await self._client_actions.click_in_view(user, view, body.click()))
        return _delivered(await self._client_actions.click(user, body.text("channel"), body.text("ts"), body.click()))

    async def _submit(self, body: Body) -> dict[str, Any]:
        errors = await self._client_actions.submit(body.text("user"), body.text("view_id"), body.values())
        return {"errors": errors}

    async def _close(self, body: Body) -> dict[str, Any]:
        await self._client_actions.close(body.text("user"), body.text("view_id"))
        return {}

    async def _home(self, body: Body) -> dict[str, Any]:
        self._client_actions.open_home(body.text("user"))
        return {}

    async def _dismiss(self, body: Body) -> dict[str, Any]:
        self._state.delete_ephemeral(body.text("ts"))
        return {}

    # faults

    async def _set_faults(self, body: Body) -> dict[str, Any]:
        self._faults.set(body.without_actor())
        return self._tell_faults()

    async def _clear_faults(self, _body: Body) -> dict[str, Any]:
        self._faults.clear()
        return self._tell_faults()

    async def _add_call_fault(self, body: Body) -> dict[str, Any]:
        self._faults.calls.append(CallFault.parse(body.without_actor()))
        return self._tell_faults()

    def _tell_faults(self) -> dict[str, Any]:
        faults = self._faults.to_json()
        self._state.changes.publish("faults", faults)
        return {"faults": faults}

    async def _drop(self, _body: Body) -> dict[str, Any]:
        return {"sockets": self._sockets.drop_all()}

    async def _zombie(self, _body: Body) -> dict[str, Any]:
        return {"sockets": self._sockets.make_zombies()}

    async def _disconnect(self, body: Body) -> dict[str, Any]:
        try:
            reason = Disconnect(body.text("reason"))
        except ValueError:
            known = ", ".join(item.value for item in Disconnect)
            raise ClientActionError(f"reason: must be one of {known}") from None
        return {"sockets": await self._sockets.disconnect(reason)}

    # further actions, somebody else's

    async def _get_actions(self, _request: web.Request) -> web.Response:
        if self._actions_url is None:
            return web.json_response({"ok": True, "actions": []})
        try:
            async with self._session.get(self._actions_url) as answer:
                actions = await answer.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return web.json_response({"ok": False, "error": f"no answer from the actions URL: {error}"})
        return web.json_response({"ok": True, "actions": actions})

    async def _post_action(self, body: Body) -> dict[str, Any]:
        if self._actions_url is None:
            raise ClientActionError("this playground has no further actions")
        try:
            async with self._session.post(self._actions_url, json={"id": body.text("id")}) as answer:
                data = await answer.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ClientActionError(f"no answer from the actions URL: {error}") from None
        text = data.get("text", "Done.") if isinstance(data, dict) else "Done."
        return {"text": str(text), "done": answer.status < 400}


def _delivered(delivery: EnvelopeDelivery) -> dict[str, Any]:
    return {"outcome": delivery.outcome.value}


def _as_event(change: Change) -> bytes:
    return f"id: {change.number}\nevent: {change.kind}\ndata: {json.dumps(change.data)}\n\n".encode()


def _as_handler(act: Act) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            # A form of a foreign page can post without asking first; JSON cannot.
            return web.json_response({"ok": False, "error": "send application/json"}, status=415)
        try:
            data = json.loads(await request.text() or "{}")
        except ValueError:
            data = None
        if not isinstance(data, dict):
            return web.json_response({"ok": False, "error": "the body must be a JSON object"}, status=400)
        try:
            answer = await act(Body(data))
        except ClientActionError as error:
            return web.json_response({"ok": False, "error": str(error)}, status=400)
        return web.json_response({"ok": True, **answer})

    return handler
