"""Targets on the tests' own MariaDB, and a way to reach it without SSH."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from bot.databases.connect import Connections
from bot.databases.lines import Limits
from bot.demo.database import Database as MadeDatabase
from bot.domain.names import TargetName
from bot.domain.policy import Policy
from bot.domain.secrets import Secret
from bot.domain.target import Backups, Database, Target


class StraightTunnels:
    """Tunnels of a host that is this machine; remembers what was asked for."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, str, int]] = []
        self.open_now = 0

    @contextlib.asynccontextmanager
    async def open(self, via: str, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
        self.opened.append((via, host, port))
        self.open_now += 1
        try:
            yield host, port
        finally:
            self.open_now -= 1


@pytest.fixture
def tunnels() -> StraightTunnels:
    return StraightTunnels()


@pytest.fixture
def connections(tunnels: StraightTunnels) -> Connections:
    return Connections(tunnels, Limits(connect=5, query=10, lock=1))


@pytest.fixture
def target_of(tmp_path) -> Callable[[MadeDatabase], Target]:
    def make(made: MadeDatabase, **changes: object) -> Target:
        database = Database(
            via=None, host=made.host, port=made.port, name=made.name, user=made.user, password=Secret(made.password)
        )
        return Target(
            name=TargetName("compte", "production"),
            recipe="laravel",
            channels=("C0OPS",),
            policy=Policy("production", {}, {}),
            hosts=("web1",),
            path=str(tmp_path),
            branch="main",
            database=replace(database, **changes),
            backups=Backups(str(tmp_path / "backups")),
        )

    return make


@pytest.fixture
def target(database: MadeDatabase, target_of: Callable[[MadeDatabase], Target]) -> Target:
    return target_of(database)
