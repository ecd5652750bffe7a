"""The GRANT lines of docs/setup.md, run as they are written: with them each capability works and nothing is missing."""

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot.databases.backups.leftovers import LeftoverReader
from bot.databases.backups.restore import SwapPerformer
from bot.databases.server.connector import Connector
from bot.databases.server.facts import DatabaseLook
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.secrets import Secret
from bot.domain.targets.privileges import Capability
from bot.domain.targets.target import Target
from tests.databases.support.contents import checksums, definitions
from tests.databases.support.local import KeptOutput, LocalHost, access_to
from tests.databases.support.manifests import manifest_of
from tests.databases.support.steps import done, job_of, loaded, performer, swap_job_of
from tests.support.vendors import PROGRAMS

SETUP = Path(__file__).parents[3] / "docs" / "setup.md"
BLOCK = re.compile(r"```sql\n-- (?P<vendors>[\w, ]+): (?P<capability>\w+)\n(?P<sql>.*?)```", re.DOTALL)
PASSWORD = "a long random password"


def blocks(*capabilities: str) -> list[str]:
    """The statements of the page for this server, of some capabilities."""
    found = [
        statement.strip()
        for match in BLOCK.finditer(SETUP.read_text())
        if PROGRAMS.vendor in match["vendors"].split(", ") and match["capability"] in capabilities
        for statement in match["sql"].split(";\n")
        if statement.strip()
    ]
    assert found
    return found


@pytest.fixture
async def grant(filled: DemoDatabase, mariadb: DatabaseServer) -> AsyncIterator[Callable[..., object]]:
    """Run blocks of the page for the test's own database and account."""
    account = f"'{filled.name}_bot'@'127.0.0.1'"

    async def run(*capabilities: str) -> None:
        for statement in blocks(*capabilities):
            here = statement.replace("`compte`", f"`{filled.name}`").replace("'countersign'@'127.0.0.1'", account)
            await mariadb.query(here.replace(r"`compte\_", "`" + filled.name.replace("_", r"\_") + r"\_"))

    yield run
    await mariadb.query(f"DROP USER IF EXISTS {account}")


@pytest.fixture
def bot(filled: DemoDatabase, target_of: Callable[..., Target]) -> Target:
    """The target, with the account of the page."""
    return target_of(filled, scratch=True, user=f"{filled.name}_bot", password=Secret(PASSWORD))


async def _missing(connections: Connector, target: Target) -> set[Capability]:
    return {one.capability for one in await DatabaseLook(connections).missing_privileges(target)}


async def test_with_each_block_what_it_is_for_is_no_longer_missing(
    bot: Target, grant: Callable[..., object], connections: Connector
) -> None:
    await grant("look")
    assert (await DatabaseLook(connections).database(bot, None)).sees_all_sessions
    assert await _missing(connections, bot) == {Capability.BACKUP, Capability.RESTORE}
    await grant("backup")
    assert await _missing(connections, bot) == {Capability.RESTORE}
    await grant("restore")
    assert await _missing(connections, bot) == set()
    await grant("replication")
    seen = (await DatabaseLook(connections).database(bot, None)).replication
    assert seen is not None
    assert not seen.hidden


async def test_what_the_app_owns_is_dumped_restored_and_put_back_by_the_account(
    bot: Target,
    grant: Callable[..., object],
    filled: DemoDatabase,
    host: LocalHost,
    mariadb: DatabaseServer,
    leftovers: LeftoverReader,
) -> None:
    await grant("look", "backup")
    made = done(await performer(host).perform(job_of(bot), KeptOutput()))
    kinds = {named.partition(" ")[0] for named in manifest_of(bot).objects or ()}
    assert kinds == {"view", "trigger", "procedure", "function", "event"}
    was = await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)
    await grant("restore")
    await mariadb.query("DROP VIEW adult_names", database=filled.name)
    await loaded(host, bot, made["sha256"])
    output = KeptOutput()
    outcome = await SwapPerformer(access_to(host), leftovers).perform(swap_job_of(bot), output)
    done(outcome)
    assert (await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)) == was
    owners = await mariadb.query(
        "SELECT definer AS d FROM information_schema.views WHERE table_schema = %s", filled.name
    )
    assert {row["d"] for row in owners} == {f"{filled.user}@%"}
