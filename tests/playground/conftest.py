"""A playground, the real client against it, and people to act in it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.websockets import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground import Playground, RunningPlayground
from bot.playground.workspace.default_workspace import default_workspace

OPS = "C0OPS"
AMELIE, BOB, NOOR = "U0AMELIE", "U0BOB", "U0ONCALL"
BOT_TOKEN, APP_TOKEN = "xoxb-playground", "xapp-playground"


async def until(seen: Callable[[], Any], what: str, seconds: float = 8.0) -> Any:
    """Wait until `seen` gives something true, and give it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = seen()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        await asyncio.sleep(0.01)
    raise AssertionError(f"never happened within {seconds} s: {what}")


class Person:
    """Acts through the control API, as the page does."""

    def __init__(self, server: RunningPlayground, session: aiohttp.ClientSession, user: str) -> None:
        self._server = server
        self._session = session
        self.user = user

    async def does(self, what: str, **body: Any) -> dict[str, Any]:
        url = f"{self._server.url}playground/{what}"
        async with self._session.post(url, json={"user": self.user, **body}) as answer:
            return await answer.json()

    async def sees(self) -> dict[str, Any]:
        async with self._session.get(f"{self._server.url}playground/state") as answer:
            return await answer.json()

    async def ephemerals(self) -> list[str]:
        return [item["text"] for item in (await self.sees())["ephemerals"] if item["user"] == self.user]


@pytest.fixture
async def server() -> AsyncIterator[RunningPlayground]:
    async with Playground(default_workspace()).serve() as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def client(server: RunningPlayground) -> AsyncWebClient:
    return AsyncWebClient(token=BOT_TOKEN, base_url=server.api_url)


@pytest.fixture
def amelie(server: RunningPlayground, session: aiohttp.ClientSession) -> Person:
    return Person(server, session, AMELIE)


@pytest.fixture
def bob(server: RunningPlayground, session: aiohttp.ClientSession) -> Person:
    return Person(server, session, BOB)


def new_app(server: RunningPlayground) -> AsyncApp:
    return AsyncApp(
        client=AsyncWebClient(token=BOT_TOKEN, base_url=server.api_url),
        process_before_response=True,
        raise_error_for_unhandled_request=False,
    )


@asynccontextmanager
async def connected(app: AsyncApp) -> AsyncIterator[AsyncSocketModeHandler]:
    """Connect a bolt app over Socket Mode, as the bot does."""
    handler = AsyncSocketModeHandler(app, APP_TOKEN, ping_interval=0.2)
    await handler.connect_async()
    try:
        yield handler
    finally:
        await handler.close_async()
        client = handler.client
        tasks = [client.message_processor, client.message_receiver, client.current_session_monitor]
        for task in tasks:
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
