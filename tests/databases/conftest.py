"""Targets on the tests' own MariaDB, what fills them, and hosts: this machine itself, or a real one over SSH."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from bot.databases.backups.leftovers import LeftoverReader
from bot.databases.server.connection import QueryLimits
from bot.databases.server.connector import Connector
from bot.demo.application.application import Application
from bot.demo.host.database import DemoDatabase
from bot.demo.host.host import DemoHost
from bot.domain.targets.scratch import ScratchBeside, ScratchNone
from bot.domain.targets.target import Backups, BotDirectory, Target
from bot.hosts.connections import Connections as Hosts
from tests.databases.support.contents import CONTENTS, execute
from tests.databases.support.local import LocalHost, StraightTunnels
from tests.databases.support.rehearsals import Stage
from tests.databases.support.rooms import Room
from tests.databases.support.targets import target_on
from tests.hosts.support.jobs import host_of
from tests.support import disks
from tests.support.bucket import S3, s3_server

_buckets = itertools.count(1)


@pytest.fixture
def tunnels() -> StraightTunnels:
    return StraightTunnels()


@pytest.fixture
def connections(tunnels: StraightTunnels) -> Connector:
    return Connector(tunnels.open, QueryLimits(connect=5, query=10, lock=1))


@pytest.fixture
def host() -> LocalHost:
    return LocalHost()


@pytest.fixture
async def hosts(ssh_host: DemoHost) -> AsyncIterator[Hosts]:
    async with Hosts({"web1": host_of(ssh_host)}) as connections:
        yield connections


@pytest.fixture
def target_of(tmp_path: Path) -> Callable[..., Target]:
    def make(made: DemoDatabase, *, scratch: bool = False, **changes: object) -> Target:
        return target_on(made, tmp_path, scratch=ScratchBeside() if scratch else ScratchNone(), **changes)

    return make


@pytest.fixture
def scratch() -> bool:
    """Whether `target` allows databases beside its own. Where backups are proven and restored, modules say yes."""
    return False


@pytest.fixture
def target(database: DemoDatabase, target_of: Callable[..., Target], scratch: bool) -> Target:
    return target_of(database, scratch=scratch)


@pytest.fixture
def leftovers(connections: Connector) -> LeftoverReader:
    """Reads what restores left beside a database."""
    return LeftoverReader(connections)


@pytest.fixture
def folder(target: Target) -> Path:
    """Where the target's backups lie."""
    assert target.backups is not None
    return Path(target.backups.directory)


@pytest.fixture
async def filled(database: DemoDatabase) -> DemoDatabase:
    """The target's database with something in it of each kind."""
    await execute(database, *CONTENTS)
    return database


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with room for 80 MB; skipped where no file system may be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    with disks.small_disk(disk, 80):
        yield disk


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def s3() -> AsyncIterator[S3]:
    """A server of buckets."""
    async with s3_server() as server:
        yield server


@pytest.fixture
def in_directory(hosts: Hosts, database: DemoDatabase, target_of: Callable[..., Target], tmp_path: Path) -> Room:
    """Backups that the bot keeps in a directory of its own."""
    kept = Backups("", store=BotDirectory(str(tmp_path / "kept")))
    return Room(hosts, replace(target_of(database, scratch=True), backups=kept))


@pytest.fixture(params=["directory", "bucket"])
def room(request: pytest.FixtureRequest, in_directory: Room, s3: S3) -> Room:
    """Backups that the bot keeps in a directory of its own, and the same in a bucket."""
    if request.param == "directory":
        return in_directory
    name = f"backups-{next(_buckets)}"
    s3.client().create_bucket(Bucket=name)
    return in_directory.keeping(Backups("", store=s3.bucket(name)))


@pytest.fixture
def stage(laravel_at_first: Application, hosts: Hosts) -> Stage:
    """An application whose next commit is rehearsed."""
    return Stage(laravel_at_first, hosts)
