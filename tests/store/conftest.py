from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store import SqlStore, open_store


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/data/countersign.db"


@pytest.fixture
def mariadb_url(request: pytest.FixtureRequest) -> str:
    made = request.getfixturevalue("database")
    return f"mysql+aiomysql://{made.user}:{made.password}@{made.host}:{made.port}/{made.name}"


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.xdist_group("mariadb"))])
def url(request: pytest.FixtureRequest) -> str:
    """The contract holds on both."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
async def store(url: str) -> AsyncIterator[SqlStore]:
    async with open_store(url) as opened:
        yield opened
