"""The step that reads whether all migrations of a run are there."""

from collections.abc import Awaitable, Callable

import pytest

from bot.databases.migrations.applied import AppliedPerformer
from bot.databases.server.connector import Connector
from bot.databases.server.facts import DatabaseLook
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.errors import Reason
from bot.domain.runs.acts import NothingPending
from bot.domain.runs.migration_source import MigrationSource
from bot.domain.runs.plan import BOT, Phase, Risk, Step
from bot.domain.targets.target import Target
from bot.engine.ports import Done, Effect, Failed, Job
from tests.databases.support.local import KeptOutput


def job_of(target: Target, *names: str) -> Job:
    step = Step("nothing-pending", "Nothing is pending", Phase.VERIFY, (), Risk.READS, 20, NothingPending(names))
    return Job("R-7K3F9Q", 1, step, BOT, 1, target)


@pytest.fixture
def performer(connections: Connector) -> AppliedPerformer:
    return AppliedPerformer(DatabaseLook(connections), lambda target: f"{target.name.app}_migrations", asked())


def asked(
    *pending: MigrationSource, is_silent: bool = False
) -> Callable[[Target], Awaitable[tuple[MigrationSource, ...] | None]]:
    """A framework that answers."""

    async def answer(target: Target) -> tuple[MigrationSource, ...] | None:
        return None if is_silent else pending

    return answer


@pytest.fixture
async def two_ran(mariadb: DatabaseServer, database: DemoDatabase) -> None:
    await mariadb.query("CREATE TABLE compte_migrations (id INT, migration TEXT, batch INT)", database=database.name)
    await mariadb.query("INSERT INTO compte_migrations VALUES (1, 'a', 1), (2, 'b', 1)", database=database.name)


@pytest.mark.usefixtures("two_ran")
async def test_all_are_there(performer: AppliedPerformer, target: Target) -> None:
    output = KeptOutput()
    assert isinstance(await performer.perform(job_of(target, "a", "b"), output), Done)
    assert await performer.check(job_of(target, "a", "b")) is Effect.TOOK
    assert not output.claimed, "it may be done again"


@pytest.mark.usefixtures("two_ran")
async def test_what_is_missing_is_named(performer: AppliedPerformer, target: Target) -> None:
    outcome = await performer.resume(job_of(target, "c", "a", "d"), KeptOutput())
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.NOT_TAKEN_EFFECT
    assert outcome.problem.facts == {"missing": "c, d", "count": "2", "table": "compte_migrations"}
    assert await performer.check(job_of(target, "c")) is Effect.DID_NOT


@pytest.mark.usefixtures("two_ran")
async def test_what_a_package_brought_is_pending_too(connections: Connector, target: Target) -> None:
    def performer(of: Callable[[Target], Awaitable[tuple[MigrationSource, ...] | None]]) -> AppliedPerformer:
        return AppliedPerformer(DatabaseLook(connections), lambda target: "compte_migrations", of)

    source = MigrationSource("o", "vendor/acme/audit/o.php", "hash")
    for names in ((), ("a", "b")):
        outcome = await performer(asked(source)).perform(job_of(target, *names), KeptOutput())
        assert isinstance(outcome, Failed)
        assert outcome.problem.facts["pending"] == "o from package acme/audit"
        assert isinstance(await performer(asked()).perform(job_of(target, *names), KeptOutput()), Done)
        silent = performer(asked(is_silent=True))
        assert isinstance(await silent.perform(job_of(target, *names), KeptOutput()), Done)


async def test_without_the_table_all_are_missing(performer: AppliedPerformer, target: Target) -> None:
    outcome = await performer.perform(job_of(target, "a"), KeptOutput())
    assert isinstance(outcome, Failed)
    assert outcome.problem.facts["missing"] == "a"


async def test_a_database_that_cannot_be_read_leaves_it_open(
    performer: AppliedPerformer, database: DemoDatabase, target_of: Callable[..., Target], free_port: int
) -> None:
    job = job_of(target_of(database, port=free_port), "a")
    outcome = await performer.perform(job, KeptOutput())
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.DATABASE_UNREACHABLE
    assert await performer.check(job) is Effect.CANNOT_TELL
