"""The small world as a fixture."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from bot.domain.runs.history_check import disagreements
from tests.engine.support.world import SmallWorld, small_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[SmallWorld]:
    async with small_world(tmp_path) as made:
        yield made
        for stored in await made.store.history.stored_runs_after(0, 1000):
            assert stored.run is not None
            assert disagreements(stored.run, stored.records) == ()


@pytest.fixture(autouse=True)
def plain_log() -> Iterator[None]:
    """Tracebacks as text: structlog's own default draws every local variable, which takes seconds."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.dev.ConsoleRenderer(colors=False)])
    yield
    structlog.reset_defaults()
