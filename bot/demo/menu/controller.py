"""Answers the playground's `--actions-url`: lists the demonstration's menu, and does what was chosen from it."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from aiohttp import web

from bot.demo.errors import DemoError
from bot.demo.menu.menu import MenuEntry
from bot.demo.processes.ports import LOOPBACK


class Controller:
    """An HTTP server on loopback. As a context manager it starts and stops.

    `GET` lists the entries; `POST {"id": …}` does one and answers `{"text": …}`: status 409 where it could not be done,
    with the reason, and 404 for an unknown entry.

    Args:
        entries: the menu.
    """

    def __init__(self, entries: Sequence[MenuEntry]) -> None:
        self._entries = {entry.id: entry for entry in entries}
        application = web.Application()
        application.router.add_get("/actions", self._list)
        application.router.add_post("/actions", self._act)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)

    @property
    def url(self) -> str:
        """The address to list and to post to, once it has started."""
        return f"http://{LOOPBACK}:{self._runner.addresses[0][1]}/actions"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, 0).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response(
            [
                {"id": entry.id, "group": entry.group, "title": entry.title, "hint": entry.hint}
                for entry in self._entries.values()
            ]
        )

    async def _act(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            # A form of a foreign page can post without asking first; JSON cannot.
            return web.json_response({"text": "Send application/json. Nothing was done."}, status=415)
        try:
            body = await request.json()
        except ValueError:
            body = None
        entry = self._entries.get(str(body.get("id"))) if isinstance(body, dict) else None
        if entry is None:
            return web.json_response({"text": "There is no such entry. Nothing was done."}, status=404)
        try:
            return web.json_response({"text": await entry.act()})
        except DemoError as error:
            return web.json_response({"text": str(error)}, status=409)
