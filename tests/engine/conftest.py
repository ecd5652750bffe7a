"""The small world as a fixture."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.engine.world import SmallWorld, small_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[SmallWorld]:
    async with small_world(tmp_path) as made:
        yield made
