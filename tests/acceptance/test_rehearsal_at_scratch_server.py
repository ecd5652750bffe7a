"""`rehearsal: sandbox` from outside, on a host without a server's program, at a scratch server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.demo.application.application import Application
from bot.demo.application.git import git
from bot.demo.host.database import DatabaseServer
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.system import DBA, RELEASER

DELETES = """<?php
use Illuminate\\Database\\Migrations\\Migration;
use Illuminate\\Support\\Facades\\DB;
class Tidies extends Migration
{
    public function up()
    {
        foreach (DB::table('user_sessions')->get() as $row) DB::table('user_sessions')->delete($row->id);
    }
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scratch_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DatabaseServer]:
    async with DatabaseServer(tmp_path_factory.mktemp("scratch")) as server:
        yield server


async def test_rows_that_a_deploy_loses_are_found_before_anybody_is_asked(
    new_system: NewSystem, laravel_at_first: Application, mariadb: DatabaseServer, scratch_server: DatabaseServer
) -> None:
    pattern = laravel_at_first.database.name.replace("_", r"\_")
    for statement in (
        "CREATE USER rehearsal@`%` IDENTIFIED BY 'battery staple'",
        rf"GRANT ALL ON `{pattern}\_countersign\_%`.* TO rehearsal@`%` WITH GRANT OPTION",
        "GRANT CREATE USER, SUPER ON *.* TO rehearsal@`%`",
        "GRANT SELECT, DROP ON mysql.general_log TO rehearsal@`%`",
    ):
        await scratch_server.query(statement)
    system = await new_system(
        module="tests.acceptance.support.without_programs",
        scratch={
            "host": scratch_server.host,
            "port": scratch_server.port,
            "user": "rehearsal",
            "password": "${REHEARSAL_PASSWORD}",
        },
        extra={"REHEARSAL_PASSWORD": "battery staple"},
    )
    await system.bot.start()
    path = laravel_at_first.author / "database" / "migrations" / "2026_01_01_000000_tidies.php"
    path.write_text(DELETES)
    await git(laravel_at_first.author, "add", "--all")
    await git(laravel_at_first.author, "commit", "--quiet", "-m", "chore: tidy")
    await git(laravel_at_first.author, "push", "--quiet", str(laravel_at_first.origin), "HEAD:main")
    database = laravel_at_first.database.name
    run = await system.ask()
    request = await system.gate(run)
    assert system.payload("approval", run)["needed"] == 2
    plan = str(system.messages("plan", run)[-1]["blocks"])
    assert "rehearsed in the sandbox" in plan
    assert "*500 rows of `user_sessions` would be deleted*" in plan
    (before,) = await mariadb.query("SELECT COUNT(*) AS n FROM user_sessions", database=database)
    assert before["n"] == 500
    names = await scratch_server.query("SHOW DATABASES LIKE '%countersign%'")
    assert list(names) == []
    for person in (RELEASER, DBA):
        system.react(request, person)
    assert await system.end(run) == "succeeded"
    (after,) = await mariadb.query("SELECT COUNT(*) AS n FROM user_sessions", database=database)
    assert after["n"] == 0
