"""A whole stage as fixtures."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bot.demo.application.application import Application
from bot.demo.host.host import Host
from bot.demo.host.web import WebServer
from bot.playground import Playground
from tests.acceptance.support.stage import Bot, Stage, environment, workspace
from tests.support import OPS_PASSWORD, operations, write_operations

NewStage = Callable[..., Awaitable[Stage]]


@pytest.fixture
async def new_stage(
    tmp_path: Path, ssh_host: Host, laravel_at_first: Application, web: WebServer
) -> AsyncIterator[NewStage]:
    """Make a stage around the test's application; keywords that are not named here go to `operations`.

    Rehearsals and proofs take seconds of every deploy: a test that is about them asks for `scratch=True`.
    """
    async with AsyncExitStack() as stack:

        async def make(
            module: str = "bot",
            extra: dict[str, str] | None = None,
            application: Application = laravel_at_first,
            recipe: str = "laravel",
            **options: Any,
        ) -> Stage:
            content = operations(ssh_host, application, **{"health_url": web.health_url, "scratch": False, **options})
            content["apps"]["compte"]["recipe"] = recipe
            ops_file = write_operations(tmp_path, content)
            playground = await stack.enter_async_context(Playground(workspace()).serve())
            secrets = {OPS_PASSWORD: application.database.password}
            bot = Bot(tmp_path, {**environment(playground.api_url, ops_file), **secrets, **(extra or {})}, module)
            stack.push_async_callback(bot.kill)
            made = Stage(playground, bot)
            stack.callback(made.print_story)
            return made

        yield make


@pytest.fixture
async def stage_with_scratch(new_stage: NewStage) -> Stage:
    """A stage whose bot is ready, and may rehearse and prove on a copy of the database."""
    made = await new_stage(scratch=True)
    await made.bot.start()
    return made


@pytest.fixture
async def stage(new_stage: NewStage) -> Stage:
    """A stage whose bot is ready."""
    made = await new_stage()
    await made.bot.start()
    return made
