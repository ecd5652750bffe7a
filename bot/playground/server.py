"""The server: Web API, Socket Mode, uploads, response URLs, the control API and the page, on one port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.playground.api_endpoint import ApiEndpoint
from bot.playground.client.client_actions import ClientActions
from bot.playground.client.control import ControlApi
from bot.playground.client.page_files import add_page
from bot.playground.events.events import Events
from bot.playground.events.sockets import Sockets
from bot.playground.faults import Faults
from bot.playground.workspace.state import State
from bot.playground.workspace.workspace import Workspace


@dataclass(frozen=True)
class RunningPlayground:
    """A playground that answers.

    Attributes:
        url: of the page, ending in `/`.
        api_url: base of the Web API, ending in `/api/`; the app's `base_url`.
        state: the workspace as it is now.
        client_actions: people's hands.
        sockets: the app's connections.
        faults: what goes wrong.
        api: the log of the app's calls.
    """

    url: str
    api_url: str
    state: State
    client_actions: ClientActions
    sockets: Sockets
    faults: Faults
    api: ApiEndpoint


LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def _own_name_only(host: str) -> Middleware:
    """Refuse requests under a foreign host name: a name that resolves to loopback must not reach people's hands."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if host in LOOPBACK and request.url.host not in LOOPBACK:
            return web.Response(status=403, text="this playground answers to the names of this machine alone")
        return await handler(request)

    return check


class Playground:
    """A workspace that can be served."""

    def __init__(self, workspace: Workspace, actions_url: str | None = None) -> None:
        """Take a workspace.

        Args:
            workspace: what is there at the start.
            actions_url: address of further entries of the page's menu (docs/playground-reference.md).
        """
        self._workspace = workspace
        self._actions_url = actions_url

    @asynccontextmanager
    async def serve(self, port: int = 0, host: str = "127.0.0.1") -> AsyncIterator[RunningPlayground]:
        """Answer on a port until the context ends.

        Args:
            port: 0 takes any free one.
            host: address of an interface of this machine.

        Raises:
            OSError: the port is taken.
        """
        state, faults = State(self._workspace), Faults()
        sockets = Sockets(
            self._workspace.app.id, faults, lambda count: state.changes.publish("sockets", {"count": count})
        )
        events = Events(state, sockets)
        client_actions, api = ClientActions(state, sockets, events), ApiEndpoint(state, sockets, events, faults)
        application = web.Application(client_max_size=1 << 30, middlewares=[_own_name_only(host)])
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
            control = ControlApi(state, client_actions, sockets, faults, api, session, self._actions_url)
            api.add_to(application)
            control.add_to(application)
            application.router.add_get("/link/", sockets.serve)
            add_page(application)
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
            await runner.setup()
            try:
                site = web.TCPSite(runner, host, port)
                await site.start()
                actual = runner.addresses[0][1]
                state.base_url = f"http://{host}:{actual}/"
                yield RunningPlayground(
                    state.base_url, f"{state.base_url}api/", state, client_actions, sockets, faults, api
                )
            finally:
                state.changes.end()
                await sockets.close()
                await runner.cleanup()
