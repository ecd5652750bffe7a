"""A target whose database counts as large, on a server that does nothing else."""

import contextlib
import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest
from pymysql.err import OperationalError

from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.targets.target import Target
from tests.databases.backups.mydumper.large import CONTENTS
from tests.databases.support.contents import execute


@pytest.fixture(autouse=True, scope="package")
def installed() -> None:
    """Leave these tests out where there is no mydumper: not every suite of Debian has one that goes with its server."""
    if shutil.which("mydumper") is None:
        pytest.skip("mydumper is not installed here")


@pytest.fixture
def target(database: DemoDatabase, target_of: Callable[..., Target]) -> Target:
    made = target_of(database, scratch=True)
    assert made.backups is not None
    return replace(made, backups=replace(made.backups, mydumper_from=0))


@pytest.fixture(autouse=True)
async def nothing_else_runs(mariadb: DatabaseServer) -> None:
    """End what other tests left to the server: mydumper is not begun beside a statement that takes long."""
    running = "SELECT id FROM information_schema.processlist WHERE command = 'Query' AND id <> CONNECTION_ID()"
    for row in await mariadb.query(running):
        with contextlib.suppress(OperationalError):  # it has just ended
            await mariadb.query(f"KILL HARD {row['id']}")


@pytest.fixture
async def filled(database: DemoDatabase, mariadb: DatabaseServer) -> DemoDatabase:
    # Newer versions than Debian 12 has read the position of the binary log too.
    await mariadb.query(f"GRANT RELOAD, PROCESS, REPLICATION CLIENT ON *.* TO `{database.user}`@`%`")
    await execute(database, *CONTENTS)
    return database
