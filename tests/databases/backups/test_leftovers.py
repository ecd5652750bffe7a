"""What a restore leaves on a real MariaDB: it is listed, and dropped only as it was approved."""

from dataclasses import replace

import pytest

from bot.databases.backups.leftovers import DropCopyPerformer, DropOldPerformer, LeftoverReader
from bot.databases.server.connector import Connector
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.backups.leftovers import LeftoverKind
from bot.domain.errors import Reason
from bot.domain.runs.acts import Act, DropCopy, DropOld
from bot.domain.runs.plan import Phase, Risk, Step
from bot.domain.secrets import Secret
from bot.domain.targets.target import Target
from bot.engine.ports import Done, Effect, Failed, Job
from tests.databases.support.local import KeptOutput, LocalHost
from tests.support.vendors import INT


@pytest.fixture
def scratch() -> bool:
    return True


@pytest.fixture
async def old(database: DemoDatabase, mariadb: DatabaseServer) -> str:
    name = f"{database.name}_countersign_before_7k3f9q"
    await mariadb.query(f"CREATE DATABASE `{name}`")
    await mariadb.query("CREATE TABLE `od``d` (a INT)", database=name)
    await mariadb.query("CREATE VIEW seen AS SELECT a FROM `od``d`", database=name)
    return name


def job_of(target: Target, act: Act) -> Job:
    step = Step("drop-old", "Drop", Phase.CHANGE, ("web1",), Risk.DESTROYS, 60, act)
    return Job("R-AAAAAA", 1, step, "web1", 1, target)


async def test_what_a_restore_left_is_listed_and_nothing_else(
    target: Target, old: str, connections: Connector, mariadb: DatabaseServer
) -> None:
    assert target.database is not None
    await mariadb.query(f"CREATE DATABASE `{target.database.name}_countersign_proof_aaaaaa`")
    await mariadb.query(f"CREATE DATABASE `{target.database.name}_countersign_restore_bbbbbb`")
    found = await LeftoverReader(connections).read(target)
    assert [(one.database, one.left, one.run, one.tables) for one in found] == [
        (old, LeftoverKind.REPLACED, "R-7K3F9Q", 1),
        (f"{target.database.name}_countersign_restore_bbbbbb", LeftoverKind.COPY, "R-BBBBBB", 0),
    ]
    assert found[0].bytes > 0


async def test_it_is_dropped_and_the_live_database_stays(
    target: Target, old: str, connections: Connector, mariadb: DatabaseServer
) -> None:
    assert target.database is not None
    await mariadb.query("CREATE TABLE live (a INT)", database=target.database.name)
    host, look = LocalHost(), LeftoverReader(connections)
    drop = DropOldPerformer(host, look)
    job = job_of(target, DropOld(old, 1))
    assert await drop.check(job) is Effect.DID_NOT
    output = KeptOutput()
    outcome = await drop.perform(job, output)
    assert outcome == Done({"dropped": old}), output.text
    assert await look.read(target) == ()
    assert await drop.check(job) is Effect.TOOK
    assert await mariadb.columns(target.database.name, "live") == {"a": INT}


@pytest.mark.parametrize(
    "name", ["", "mysql", "{live}", "{live}_countersign_proof_aaaaaa", "{live}_countersign_before_"]
)
async def test_no_other_database_is_ever_dropped(name: str, target: Target, connections: Connector) -> None:
    assert target.database is not None
    output = KeptOutput()
    job = job_of(target, DropOld(name.format(live=target.database.name), 0))
    outcome = await DropOldPerformer(LocalHost(), LeftoverReader(connections)).perform(job, output)
    assert isinstance(outcome, Failed)
    assert not output.claimed, "nothing ran"


async def test_what_changed_since_the_approval_stays(target: Target, old: str, connections: Connector) -> None:
    look = LeftoverReader(connections)
    outcome = await DropOldPerformer(LocalHost(), look).perform(job_of(target, DropOld(old, 2)), KeptOutput())
    assert isinstance(outcome, Failed)
    assert "1 tables" in outcome.problem.facts["detail"]
    assert len(await look.read(target)) == 1


async def test_tables_that_the_live_ones_refer_to_stay(
    target: Target, old: str, connections: Connector, mariadb: DatabaseServer
) -> None:
    assert target.database is not None
    await mariadb.query("CREATE TABLE parent (id INT PRIMARY KEY)", database=old)
    await mariadb.query(
        f"CREATE TABLE child (id INT, FOREIGN KEY (id) REFERENCES `{old}`.parent (id))", database=target.database.name
    )
    outcome = await DropOldPerformer(LocalHost(), LeftoverReader(connections)).perform(
        job_of(target, DropOld(old, 2)), KeptOutput()
    )
    assert isinstance(outcome, Failed)
    assert "refer to it" in outcome.problem.facts["detail"]
    await mariadb.query("DROP TABLE child", database=target.database.name)


async def test_a_copy_that_cannot_be_dropped_keeps_nobody_waiting(target: Target, connections: Connector) -> None:
    assert target.database is not None
    copy = f"{target.database.name}_countersign_restore_bbbbbb"
    locked_out = replace(target, database=replace(target.database, password=Secret("wrong-password")))
    performer = DropCopyPerformer(LocalHost(), LeftoverReader(connections))
    outcome = await performer.perform(job_of(locked_out, DropCopy(copy)), KeptOutput())
    assert outcome == Done({"left": copy, "why": Reason.NOT_DROPPED.value})
    gone = await performer.perform(job_of(target, DropCopy(copy)), KeptOutput())
    assert gone == Done({"dropped": copy}), "one that is gone already is no fault"
