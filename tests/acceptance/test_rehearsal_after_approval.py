"""`rehearsal: after-approval` from outside: nothing before the vote, and a second request for what is worse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest_asyncio

from bot.demo.application.application import Application
from bot.demo.application.commits import CommitKind
from bot.demo.application.git import git
from bot.demo.host.database import DatabaseServer
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.system import ONCALL, RELEASER, System
from tests.support.polling import eventually

DESTRUCTIVE = """<?php
use Illuminate\\Database\\Migrations\\Migration;
use Illuminate\\Support\\Facades\\Schema;
class Goes extends Migration
{
    public function up() { Schema::table('users', function ($t) { $t->dropColumn('email'); }); }
    public function down() { throw new Exception('no way back'); }
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def other_server(tmp_path_factory: Any) -> Any:
    async with DatabaseServer(tmp_path_factory.mktemp("other")) as server:
        yield server


async def system_of(new_system: NewSystem, application: Application, server: DatabaseServer) -> System:
    pattern = application.database.name.replace("_", r"\_")
    await server.query("CREATE USER IF NOT EXISTS rehearsal@`%%` IDENTIFIED BY %s", "battery staple")
    await server.query(rf"GRANT ALL ON `{pattern}\_countersign\_%`.* TO rehearsal@`%`")
    scratch = {"host": server.host, "port": server.port, "user": "rehearsal", "password": "${REHEARSAL_PASSWORD}"}
    policy = {
        "run": {"deploy": ["anyone"]},
        "approve": {
            "deploy": {"count": 1, "from": ["releasers"], "expires": "30m"},
            "destructive-migration": {"count": 2, "from": ["releasers"], "expires": "30m"},
        },
        "rehearsal": "after-approval",
    }
    system = await new_system(scratch=scratch, policy=policy, extra={"REHEARSAL_PASSWORD": "battery staple"})
    await system.bot.start()
    return system


async def test_a_harmless_migration_is_rehearsed_behind_the_gate_and_goes_on(
    new_system: NewSystem, laravel_at_first: Application, mariadb: DatabaseServer, other_server: DatabaseServer
) -> None:
    system = await system_of(new_system, laravel_at_first, other_server)
    await laravel_at_first.next_commit(CommitKind.TOKEN_ID)
    there = other_server.log_position()
    run = await system.ask()
    request = await system.gate(run)
    assert "not rehearsed yet: it is rehearsed after approval" in str(system.messages("plan", run)[-1]["blocks"])
    assert system.payload("approval", run)["needed"] == 1
    assert [s.text for s in other_server.statements(there) if s.text.startswith("CREATE")] == []
    system.react(request)
    assert await system.end(run) == "succeeded"
    assert [s.text for s in other_server.statements(there) if s.text.startswith("CREATE DATABASE")]
    assert "token_id" in await mariadb.columns(laravel_at_first.database.name, "user_sessions")
    assert len(system.messages("approval", run)) == 1


async def test_a_destructive_one_goes_back_to_the_gate(
    new_system: NewSystem,
    laravel_at_first: Application,
    mariadb: DatabaseServer,
    other_server: DatabaseServer,
    tmp_path: Path,
) -> None:
    system = await system_of(new_system, laravel_at_first, other_server)
    path = laravel_at_first.author / "database" / "migrations" / "2026_01_01_000000_goes.php"
    path.write_text(DESTRUCTIVE)
    await git(laravel_at_first.author, "add", "--all")
    await git(laravel_at_first.author, "commit", "--quiet", "-m", "chore: tidy")
    await git(laravel_at_first.author, "push", "--quiet", str(laravel_at_first.origin), "HEAD:main")
    run = await system.ask()
    first = await system.gate(run)
    system.react(first)

    def asked_again() -> bool:
        payloads = [m["metadata"]["event_payload"] for m in system.messages("approval", run)]
        return [p["state"] for p in payloads] == ["void", "open"] and payloads[-1]["needed"] == 2

    await eventually(asked_again, 60, what="a second request to approve")
    await eventually(lambda: system.payload("card", run)["state"] == "awaiting_approval", 20)
    plans = [m["metadata"]["event_payload"]["plan"] for m in system.messages("plan", run)]
    requests = [m["metadata"]["event_payload"]["plan"] for m in system.messages("approval", run)]
    assert len(set(plans)) == 2
    assert plans == requests
    assert "destructive" in str(system.messages("plan", run)[-1]["blocks"])
    assert "rows have a value" in str(system.messages("approval", run)[-1]["blocks"])
    assert "email" in await mariadb.columns(laravel_at_first.database.name, "users")
    assert not laravel_at_first.is_down
    second = system.messages("approval", run)[-1]
    await eventually(lambda: len(system.messages("approval", run)[-1].get("reactions", [])) == 2, 20)
    system.react(second, user=RELEASER)
    await eventually(lambda: system.payload("approval", run)["given"] == 1, 20)
    assert "email" in await mariadb.columns(laravel_at_first.database.name, "users")
    system.react(second, user=ONCALL)
    assert await system.end(run) == "succeeded"
    assert "email" not in await mariadb.columns(laravel_at_first.database.name, "users")
