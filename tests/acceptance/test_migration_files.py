"""Migrations whose files were renamed or are gone: the status tells, and nothing is run twice or said to be undone."""

from bot.demo.application.application import Application
from bot.demo.application.git import git
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.outside import changes
from tests.acceptance.support.system import System
from tests.support import eventually
from tests.support.operations import PRODUCTION

RAN = "2025_09_02_093000_create_user_sessions_table"
RENAMED = "2025_09_03_093000_create_user_sessions_table"
FOLDER = "database/migrations"
POLICY = {**PRODUCTION, "run": {**PRODUCTION["run"], "rollback": ["engineers"]}}


async def push(laravel: Application, subject: str) -> None:
    await git(laravel.author, "commit", "--quiet", "--all", "-m", subject)
    await git(laravel.author, "push", "--quiet", str(laravel.origin), "HEAD:main")
    await git(laravel.path, "fetch", "--quiet", "origin")


async def test_a_renamed_migration_is_missing_and_pending_and_is_not_run_again(
    system_with_scratch: System, laravel_at_first: Application, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    system, laravel = system_with_scratch, laravel_at_first
    await git(laravel.author, "mv", f"{FOLDER}/{RAN}.php", f"{FOLDER}/{RENAMED}.php")
    await push(laravel, "chore: rename a migration that ran")

    waiting = await system.migrate_status()
    assert "1 migration is pending on" in waiting
    assert f"`{RENAMED}`" in waiting
    assert "file is missing" not in waiting, "the live commit still has it"

    run = await system.ask()
    assert await system.end(run) == "failed"
    assert system.messages("approval", run) == []
    assert f"The migration {RENAMED} failed on a copy" in system.result(run)
    assert changes(ssh_host) == {}

    await git(laravel.path, "merge", "--quiet", "--ff-only", "origin/main")  # by hand, past the bot
    both = await system.migrate_status()
    assert "1 migration of the live code is pending" in both
    assert f"Ran, but the file is missing:\\n• `{RAN}`" in both
    assert await mariadb.query(
        "SELECT 1 AS one FROM migrations WHERE migration = %s", RAN, database=laravel.database.name
    )


async def test_a_migration_whose_file_is_gone_is_not_said_to_be_undone(
    new_system: NewSystem, laravel_at_first: Application, mariadb: DatabaseServer
) -> None:
    laravel = laravel_at_first
    system = await new_system(policy=POLICY)
    await system.bot.start()
    await git(laravel.author, "rm", "--quiet", f"{FOLDER}/{RAN}.php")
    await push(laravel, "chore: remove a migration that ran")
    await git(laravel.path, "merge", "--quiet", "--ff-only", "origin/main")

    assert "1 migration ran, but its file is in no commit here" in await system.migrate_status()
    run = await system.ask("/rollback compte production --migrations 1")
    await eventually(lambda: system.messages("result", run) or system.messages("approval", run), 60)
    if not system.messages("result", run):
        assert await system.approved(run) in {"failed", "needs_human"}
    assert system.payload("result", run)["state"] != "succeeded"
    assert "user_agent" in await mariadb.columns(laravel.database.name, "user_sessions")
    assert await mariadb.query(
        "SELECT 1 AS one FROM migrations WHERE migration = %s", RAN, database=laravel.database.name
    )
