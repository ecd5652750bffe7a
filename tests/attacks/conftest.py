"""A whole system, with canaries around its application."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer
from tests.acceptance.conftest import new_system  # noqa: F401 - a fixture
from tests.attacks.support.canaries import Canaries, canaries


@pytest.fixture
async def around(laravel_at_first: Application, mariadb: DatabaseServer, tmp_path: Path) -> AsyncIterator[Canaries]:
    async with canaries(laravel_at_first, mariadb, tmp_path / "canaries") as found:
        yield found
