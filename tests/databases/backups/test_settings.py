"""Backups and restores with a server that is set up otherwise than by default."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from bot.databases.backups.leftovers import LeftoverReader
from bot.databases.backups.restore import SwapPerformer
from bot.databases.server.connector import Connector
from bot.databases.server.facts import DatabaseLook
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.targets.target import Target
from bot.sandbox.obstacles import Obstacle
from tests.databases.support.contents import CONTENTS, checksums, definitions, execute
from tests.databases.support.local import KeptOutput, LocalHost, access_to, prover
from tests.databases.support.manifests import manifest_of
from tests.databases.support.steps import (
    copy_and_old,
    done,
    job_of,
    loaded,
    performer,
    private_job,
    prove_job,
    swap_job_of,
)
from tests.support import on_mysql
from tests.support.vendors import PROGRAMS

REQUIRES_KEYS = {"MariaDB": "innodb_force_primary_key", "MySQL": "sql_require_primary_key"}[PROGRAMS.vendor]

SETTINGS = {
    "MariaDB": ("--log-bin", "--gtid-strict-mode=ON", "--innodb-force-primary-key=ON"),
    "MySQL": ("--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--sql-require-primary-key=ON"),
}[PROGRAMS.vendor]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def strict_server(servers_folder: Path) -> AsyncIterator[DatabaseServer]:
    """A server with names in lower case and a binary log with GTIDs, which takes no new table without a primary key."""
    folder = servers_folder / "strict"
    folder.mkdir()
    options = ("--lower-case-table-names=1", "--log-bin-trust-function-creators=1", *SETTINGS)
    async with DatabaseServer(folder, options) as server:
        yield server


@pytest.fixture
async def strict(strict_server: DatabaseServer) -> AsyncIterator[DemoDatabase]:
    """A database with something of each kind; some of its tables are older than the setting, and have no key."""
    made = await strict_server.create("strict")
    await strict_server.query(f"SET GLOBAL {REQUIRES_KEYS} = 0")
    await execute(made, *CONTENTS, "CREATE TABLE Mixed (Id INT)", "CREATE VIEW Seen AS SELECT Id FROM Mixed")
    await strict_server.query(f"SET GLOBAL {REQUIRES_KEYS} = 1")
    yield made
    await strict_server.drop(made)


@pytest.fixture
def target(strict: DemoDatabase, target_of: Callable[..., Target]) -> Target:
    """As an operations file may write the name of the database there."""
    return target_of(strict, scratch=True, name="Strict")


async def test_tables_without_a_key_are_proven_in_a_private_server_and_refuted_nowhere(
    target: Target, tmp_path: Path
) -> None:
    host = LocalHost(home=tmp_path)
    done(await performer(host).perform(job_of(target), KeptOutput()))
    facts = done(await prover(access_to(host)).perform(prove_job(target), KeptOutput()))
    assert (facts["proof"], facts["unprovable"]) == ("checked", Obstacle.FORBIDDEN.value)
    facts = done(await prover(access_to(host)).perform(private_job(target), KeptOutput()))
    assert facts["proof"] == "proven"


async def test_all_comes_back_where_the_account_may_make_it(
    target: Target,
    strict: DemoDatabase,
    host: LocalHost,
    strict_server: DatabaseServer,
    leftovers: LeftoverReader,
) -> None:
    if PROGRAMS.vendor == "MySQL":
        await strict_server.query(f"GRANT SESSION_VARIABLES_ADMIN ON *.* TO `{strict.user}`")
    else:
        await strict_server.query(f"SET GLOBAL {REQUIRES_KEYS} = 0")
    was = await checksums(strict_server, strict.name), await definitions(strict_server, strict.name)
    made = done(await performer(host).perform(job_of(target), KeptOutput()))
    await execute(strict, "DELETE FROM sessions", "DROP VIEW seen", "CREATE TABLE newer (id INT PRIMARY KEY)")
    await loaded(host, target, made["sha256"])
    output = KeptOutput()
    done(await SwapPerformer(access_to(host), leftovers).perform(swap_job_of(target), output))
    assert (await checksums(strict_server, strict.name), await definitions(strict_server, strict.name)) == was
    assert manifest_of(target).database == "Strict"
    assert [one.database for one in await leftovers.read(target)] == [copy_and_old(target)[1]]


@on_mysql("sql_require_primary_key")
async def test_what_a_restore_of_tables_without_a_key_takes_is_known_before(
    target: Target, strict: DemoDatabase, connections: Connector, strict_server: DatabaseServer
) -> None:
    async def lacks() -> set[str]:
        return {one.privilege for one in await DatabaseLook(connections).missing_privileges(target)}

    assert "SESSION_VARIABLES_ADMIN" in await lacks()
    await strict_server.query(f"GRANT SESSION_VARIABLES_ADMIN ON *.* TO `{strict.user}`")
    assert "SESSION_VARIABLES_ADMIN" not in await lacks()
