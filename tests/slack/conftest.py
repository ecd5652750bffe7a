from collections.abc import AsyncIterator

import pytest

from bot.playground import Playground
from bot.playground.workspace.default_workspace import default_workspace
from tests.slack.support.workspace import Workspace


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    """A workspace with nobody connected yet."""
    async with Playground(default_workspace()).serve() as server:
        yield Workspace(server)
