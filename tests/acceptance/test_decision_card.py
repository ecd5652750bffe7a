"""A migration that breaks half-way in production alone: what its card says is true, and each move does what it says."""

import contextlib
from typing import Any

import aiomysql

from bot.demo.application.application import Application
from bot.demo.application.commits import CommitKind
from bot.demo.application.git import git
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.outside import changes
from tests.acceptance.support.system import ONCALL, RELEASER, System
from tests.support.operations import PRODUCTION
from tests.support.polling import eventually

POLICY: dict[str, Any] = {
    **PRODUCTION,
    "run": {**PRODUCTION["run"], "rollback": ["engineers"], "restore": ["engineers"]},
    "approve": {**PRODUCTION["approve"], "restore": {"count": 2, "from": ["releasers", "dbas"], "expires": "30m"}},
}


async def doubled(laravel: Application, mariadb: DatabaseServer) -> None:
    """Somebody signs up under a name that there is, which no rehearsal of before can know."""
    sql = "INSERT INTO users (name, email, password) VALUES ('Client 1', 'second@example.com', '!')"
    await mariadb.query(sql, database=laravel.database.name)


async def broken_halfway(system: System, laravel: Application, mariadb: DatabaseServer) -> str:
    """Deploy a migration whose first statement works and whose second meets data that came after the rehearsal."""
    await laravel.next_commit(CommitKind.UNIQUE)
    run = await system.ask()
    await system.gate(run)
    await doubled(laravel, mariadb)
    assert await system.approved(run) == "needs_human"
    await eventually(lambda: "partly ran" in system.result(run), 30, what="what became of the migrations")
    return run


async def new_columns(laravel: Application, mariadb: DatabaseServer) -> set[str]:
    known = {"id", "name", "email", "password", "fax", "pager", "telex", "remember_token", "created_at", "updated_at"}
    return set(await mariadb.columns(laravel.database.name, "users")) - known


async def clients(laravel: Application, mariadb: DatabaseServer) -> int:
    sql = "SELECT COUNT(*) AS n FROM users WHERE name = 'Client 1'"
    return int((await mariadb.query(sql, database=laravel.database.name))[0]["n"])


async def test_a_half_applied_migration_is_told_and_the_backup_is_put_back(
    new_system: NewSystem, laravel_at_first: Application, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    laravel = laravel_at_first
    system = await new_system(policy=POLICY, scratch=True)
    await system.bot.start()
    first = await laravel.head()
    run = await broken_halfway(system, laravel, mariadb)
    told = system.result(run)
    (column,) = await new_columns(laravel, mariadb)
    assert f"+ users.{column} varchar(190) NULL" in told
    assert f"+ users unique index users_name_{column}_unique (name)" in told
    assert told.index("This took effect") < told.index(f"+ users.{column}") < told.index("This did not")
    assert "the one of this run" in told
    assert "1062 Duplicate entry 'Client 1' for key" in told
    assert "the site is down" in told
    # its way back would not find what it expects
    assert "run_rollback" not in told

    # the buttons survive a restart
    assert await system.bot.stop() == 0
    await system.bot.start()
    after = await system.decide(run, "run_restore")
    request = await system.gate(after)
    assert system.payload("approval", after)["needed"] == 2
    plan = str(system.messages("plan", after)[-1]["blocks"])
    assert "Back to the previous code and to a backup" in plan
    assert f"Continues run `{run}`" in plan
    assert "brings it up" in plan
    assert laravel.is_down
    system.react(request, RELEASER)
    system.react(request, ONCALL)
    assert await system.end(after) == "succeeded"
    assert await laravel.head() == first
    assert await new_columns(laravel, mariadb) == set()
    assert await clients(laravel, mariadb) == 1
    assert not laravel.is_down
    assert changes(ssh_host)["php artisan down"] == changes(ssh_host)["php artisan up"] == 1
    kept = [row["name"] for row in await mariadb.query("SELECT schema_name AS name FROM information_schema.schemata")]
    assert any(name.startswith(f"{laravel.database.name}_countersign_before_") for name in kept)


async def test_whole_migrations_are_undone_by_the_card_and_a_refused_move_can_be_made_again(
    new_system: NewSystem, laravel_at_first: Application, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    laravel = laravel_at_first
    system = await new_system(policy=POLICY, scratch=True)
    await system.bot.start()
    first = await laravel.head()
    await laravel.next_commit(CommitKind.SEVERAL)
    run = await system.ask()
    await system.gate(run)
    # the second of three meets what somebody made by hand meanwhile
    home, work, _ = system.payload("plan", run)["pending"]
    taken = work.split("_add_")[1].removesuffix("_to_users_table")
    await mariadb.query(f"ALTER TABLE users ADD {taken} INT", database=laravel.database.name)
    assert await system.approved(run) == "needs_human"
    await eventually(lambda: "did not take effect" in system.result(run), 30, what="what became of the migrations")
    made = await new_columns(laravel, mariadb) - {taken}
    assert {name.split("_")[0] for name in made} == {"home"}
    told = system.result(run)
    assert told.count("did not take effect") == 2
    assert f"ran: `{home}`" in told

    refused = await system.decide(run, "run_rollback")
    system.react(await system.gate(refused), RELEASER, "x")
    assert await system.end(refused) == "rejected"
    assert f"run `{run}` still waits for a decision" in system.result(refused)
    assert laravel.is_down

    again = await system.decide(refused, "run_rollback")
    request = await system.gate(again)
    assert len(system.payload("plan", again)["pending"]) == 0
    assert "1 migration undone" in str(system.messages("plan", again)[-1]["blocks"])
    system.react(request, RELEASER)
    assert await system.end(again) == "succeeded"
    assert await laravel.head() == first
    assert await new_columns(laravel, mariadb) == {taken}
    assert not laravel.is_down
    assert len(ssh_host.commands.ran("php artisan migrate:rollback", laravel.path)) == 1


TWO_TABLES = """<?php
use Illuminate\\Database\\Migrations\\Migration;
use Illuminate\\Database\\Schema\\Blueprint;
use Illuminate\\Support\\Facades\\Schema;
class TwoTables extends Migration {
    public function up() {
        Schema::table('user_sessions', function (Blueprint $table) { $table->string('device', 90)->nullable(); });
        Schema::table('users', function (Blueprint $table) { $table->string('nickname', 90)->nullable(); });
    }
    public function down() { throw new Exception('no way back'); }
}
"""


async def test_a_migration_whose_session_is_killed_between_two_tables(
    new_system: NewSystem, laravel_at_first: Application, mariadb: DatabaseServer
) -> None:
    laravel, name = laravel_at_first, laravel_at_first.database.name
    system = await new_system(policy={**POLICY, "lock_patience": "60s"}, scratch=True)
    await system.bot.start()
    (laravel.author / "database/migrations/2026_01_01_000000_two_tables.php").write_text(TWO_TABLES)
    await git(laravel.author, "add", "--all")
    await git(laravel.author, "commit", "--quiet", "-m", "two tables")
    await git(laravel.author, "push", "--quiet", str(laravel.origin), "HEAD:main")
    run = await system.ask()
    request = await system.gate(run)

    async def killed() -> bool:
        """End whoever waits; newer versions of the framework connect anew once and wait again."""
        sql = "SELECT id FROM information_schema.processlist WHERE db = %s AND state LIKE 'Waiting for %%'"
        for session in await mariadb.query(sql, name):
            with contextlib.suppress(aiomysql.Error):
                await mariadb.query(f"KILL CONNECTION {int(session['id'])}")
        return system.payload("run", run)["state"] == "needs_human"

    # On MySQL a change of a table waits for those that refer to it, so the first is the one that refers.
    async with mariadb.lock_table(name, "users"):
        system.react(request)
        await eventually(killed, 60, what="the second table was waited for")
        assert await system.end(run) == "needs_human"
    await eventually(lambda: "partly ran" in system.result(run), 30, what="what became of the migration")
    took, _, did_not = system.result(run).partition("This did not")
    assert "+ user_sessions.device varchar(90) NULL" in took
    assert "+ users.nickname varchar(90) NULL" in did_not
    assert "device" in await mariadb.columns(name, "user_sessions")
    assert "nickname" not in await mariadb.columns(name, "users")
    assert "run_rollback" not in system.result(run)

    # a person takes the first half away, and the step goes on from the start
    await mariadb.query("ALTER TABLE user_sessions DROP device", database=name)
    after = await system.decide(run, "run_resume_retry")
    system.react(await system.gate(after))
    assert await system.end(after) == "succeeded"
    assert {"nickname"} <= set(await mariadb.columns(name, "users"))
    assert {"device"} <= set(await mariadb.columns(name, "user_sessions"))
    # the whole schema was compared with the rehearsal of the run before
    assert system.steps(after)["schema"] == "done"
    assert not laravel.is_down
