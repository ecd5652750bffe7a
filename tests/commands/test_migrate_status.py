"""`/migrate-status`: the table against the files, at the live commit and at the branch."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.backups.backup import BackupList
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.request import Action
from bot.domain.targets.look import AppliedMigration, DatabaseFacts, HostFacts, HostQuestion
from bot.domain.targets.migration_report import Disk, DiskContent
from bot.domain.targets.target import Target
from bot.recipes.load import load_recipe
from commands.migrate_status import MigrateStatus
from tests.support.examples import DATABASE, HEAD, HOST, NAME, NEXT, OPERATIONS, ORIGIN, TARGET, Sight

OTHER = replace(NAME, environment="other")
STATUS = MigrateStatus({NAME: load_recipe("laravel", Path()), OTHER: load_recipe("shell", Path())})
FIRST, SECOND = "2025_01_01_000000_create_users", "2025_11_16_074003_add_token_id"


class Branches(Sight):
    """A look whose host has other files at the branch than at HEAD."""

    async def host(self, name: str, question: HostQuestion) -> HostFacts:
        facts = await super().host(name, question)
        return facts if question.ref is not None else replace(facts, migrations=facts.migrations[:1], sha=None)


async def test_pending_at_the_branch_is_told_from_pending_at_the_live_commit() -> None:
    status = await STATUS.status(TARGET, Branches())
    assert (status.head, status.branch_sha) == (HEAD, NEXT)
    assert status.pending_live == ()
    assert status.pending_branch == (SECOND,)
    assert status.missing == ()


async def test_what_is_live_and_has_not_run_is_the_louder_news() -> None:
    status = await STATUS.status(TARGET, Sight())
    assert status.pending_live == (SECOND,)
    assert status.pending_branch == ()


async def test_what_ran_and_is_in_no_commit_is_missing() -> None:
    gone = (*DATABASE.ran, AppliedMigration("2024_01_01_000000_renamed", 1), AppliedMigration(SECOND, 2))
    status = await STATUS.status(TARGET, Sight(database=replace(DATABASE, ran=gone)))
    assert status.missing == ("2024_01_01_000000_renamed",)
    assert status.last_batch == (SECOND,)


async def test_a_branch_that_was_never_fetched_is_said_to_be_unknown() -> None:
    status = await STATUS.status(TARGET, Branches(replace(HOST, sha=None)))
    assert status.branch_sha == ""
    assert status.pending_branch == ()


async def test_maintenance_is_said_by_host() -> None:
    target = replace(TARGET, hosts=("web1", "web2"))
    status = await STATUS.status(target, Sight(HOST, replace(HOST, host="web2", maintenance=True)))
    assert status.maintenance == ("web2",)


async def test_a_host_of_which_maintenance_cannot_be_told_is_not_said_to_be_up() -> None:
    status = await STATUS.status(TARGET, Sight(replace(HOST, maintenance=None)))
    assert (status.maintenance, status.maintenance_unknown) == ((), ("web1",))


class Disks(Sight):
    """A look at a host that knows how much is free where it is asked about."""

    async def host(self, name: str, question: HostQuestion) -> HostFacts:
        facts = await super().host(name, question)
        return replace(facts, disks={path: 7_000_000 for path in question.disks if path == "/var/lib/mysql/"})


STORED = replace(DATABASE, directory="/var/lib/mysql/", largest_bytes=1024_000)
CODE_DISK = Disk("web1", DiskContent.CODE, 10_000_000, 200 * 1024)


@pytest.mark.parametrize(
    ("place", "directory", "found"),
    [
        ({}, "/var/lib/mysql/", (Disk("web1", DiskContent.DATABASE, 7_000_000, 1000),)),
        ({}, "/elsewhere/", ()),
        ({}, "", ()),
        ({"host": "10.0.0.9"}, "/var/lib/mysql/", ()),
        ({"via": None}, "/var/lib/mysql/", ()),
    ],
)
async def test_the_disk_of_the_database_is_told_where_it_is_the_hosts_own(
    place: dict[str, object], directory: str, found: tuple[Disk, ...]
) -> None:
    assert TARGET.database is not None
    target = replace(TARGET, database=replace(TARGET.database, **place))  # type: ignore[arg-type]  # by field name
    status = await STATUS.status(target, Disks(database=replace(STORED, directory=directory)))
    assert status.disks == (CODE_DISK, *found)


async def test_backups_that_cannot_be_read_hide_nothing_else() -> None:
    class Unreadable(Sight):
        async def backups(self) -> BackupList:
            raise RefusedError(problem(Reason.BACKUP_IMPOSSIBLE))

    assert (await STATUS.status(TARGET, Unreadable())).backup_list is None
    assert (await STATUS.status(TARGET, Sight())).backup_list == BackupList("compte", "production", ())


@pytest.mark.parametrize(
    ("target", "missing"),
    [(replace(TARGET, database=None), "database"), (replace(TARGET, name=OTHER), "migrations")],
)
async def test_a_target_without_migrations_is_answered(target: Target, missing: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        await STATUS.status(target, Sight())
    assert refusal.value.problem.reason is Reason.NO_MIGRATIONS
    assert refusal.value.problem.facts["missing"] == missing


async def test_a_database_that_cannot_be_read_is_the_answer() -> None:
    class Down(Sight):
        async def database(self, table: str) -> DatabaseFacts:
            raise RefusedError(problem(Reason.DATABASE_UNREACHABLE))

    with pytest.raises(RefusedError) as refusal:
        await STATUS.status(TARGET, Down())
    assert refusal.value.problem.reason is Reason.DATABASE_UNREACHABLE


def test_what_is_typed_becomes_a_request() -> None:
    request = STATUS.parse(("compte", "production"), ORIGIN, OPERATIONS)
    assert request.action is Action.MIGRATE_STATUS
    with pytest.raises(RefusedError):
        STATUS.parse(("compte", "production", "main"), ORIGIN, OPERATIONS)


@pytest.mark.parametrize("rows", [(), (AppliedMigration(FIRST, None),)])
async def test_a_table_without_batches_has_no_last_batch(rows: tuple[AppliedMigration, ...]) -> None:
    assert (await STATUS.status(TARGET, Sight(database=replace(DATABASE, ran=rows)))).last_batch == ()
