"""A whole system as fixtures."""

import json
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bot.demo.application.application import Application
from bot.demo.host.host import DemoHost
from bot.demo.host.web import WebServer
from bot.domain.runs.history_check import disagreements
from bot.playground import Playground
from tests.acceptance.support.system import Bot, System, environment, workspace
from tests.support import OPS_PASSWORD, operations, write_operations

NewSystem = Callable[..., Awaitable[System]]


async def _runs_agree_with_the_history(bot: Bot) -> None:
    """Check that whatever a test did, the store says of each run what the history says."""
    if not (bot.folder / "data/countersign.db").exists():
        return
    async with bot.store() as store:
        for stored in await store.history.stored_runs_after(0, 1000):
            assert stored.run is not None
            assert disagreements(stored.run, stored.records) == ()


def _record_payloads(made: System) -> None:
    """Keep what the bot sent, for Slack's types to be held against (tests/oracles)."""
    folder = os.environ.get("COUNTERSIGN_PAYLOADS")
    if folder:
        calls = [{"method": call.method, "arguments": call.arguments} for call in made.playground.api.log]
        Path(folder, f"{uuid.uuid4().hex}.json").write_text(json.dumps(calls))


@pytest.fixture
async def new_system(
    tmp_path: Path, ssh_host: DemoHost, laravel_at_first: Application, web: WebServer
) -> AsyncIterator[NewSystem]:
    """Make a system around the test's application; keywords that are not named here go to `operations`.

    Rehearsals and proofs take seconds of every deploy: a test that is about them asks for `scratch=True`.
    """
    async with AsyncExitStack() as stack:

        async def make(
            module: str = "bot",
            extra: dict[str, str] | None = None,
            application: Application = laravel_at_first,
            recipe: str = "laravel",
            app: dict[str, Any] | None = None,
            notify: list[dict[str, Any]] | None = None,
            **options: Any,
        ) -> System:
            content = operations(ssh_host, application, **{"health_url": web.health_url, "scratch": False, **options})
            content["apps"]["compte"] |= {"recipe": recipe, **(app or {})}
            content["notify"] = notify or []
            ops_file = write_operations(tmp_path, content)
            playground = await stack.enter_async_context(Playground(workspace()).serve())
            secrets = {OPS_PASSWORD: application.database.password}
            bot = Bot(tmp_path, {**environment(playground.api_url, ops_file), **secrets, **(extra or {})}, module)
            stack.push_async_callback(_runs_agree_with_the_history, bot)
            stack.push_async_callback(bot.kill)
            made = System(playground, bot)
            stack.callback(made.print_conversation)
            stack.callback(_record_payloads, made)
            return made

        yield make


@pytest.fixture
async def system_with_scratch(new_system: NewSystem) -> System:
    """A system whose bot is ready, and may rehearse and prove on a copy of the database."""
    made = await new_system(scratch=True)
    await made.bot.start()
    return made


@pytest.fixture
async def system(new_system: NewSystem) -> System:
    """A system whose bot is ready."""
    made = await new_system()
    await made.bot.start()
    return made
