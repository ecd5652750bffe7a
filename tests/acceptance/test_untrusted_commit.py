"""A branch that nobody merged, where rehearsals have production's rights: none of its code is run before approval."""

from __future__ import annotations

from pathlib import Path

from bot.demo.application.application import Application
from bot.demo.application.git import git
from bot.demo.host.database import DatabaseServer
from tests.acceptance.conftest import NewSystem

HOSTILE = """<?php
use Illuminate\\Database\\Migrations\\Migration;
use Illuminate\\Support\\Facades\\DB;
file_put_contents('{canary}', 'ran');
class Hostile extends Migration
{{
    public function up()
    {{
        $live = new PDO('mysql:host={host};port={port};dbname={name}', '{user}', '{password}');
        $live->exec('UPDATE users SET name = "owned"');
    }}
}}
"""


async def test_a_hostile_branch_is_not_run_before_the_gate_and_asks_for_more_approvals(
    new_system: NewSystem, laravel_at_first: Application, mariadb: DatabaseServer, tmp_path: Path
) -> None:
    canary, database = tmp_path / "canary", laravel_at_first.database
    await _push_branch(
        laravel_at_first,
        "evil",
        HOSTILE.format(
            canary=canary,
            host=database.host,
            port=database.port,
            name=database.name,
            user=database.user,
            password=database.password,
        ),
    )
    policy = {
        "rehearsal": "trusted",
        "run": {"deploy": ["anyone"]},
        "approve": {
            "deploy": {"count": 1, "from": ["releasers"], "expires": "30m"},
            "destructive-migration": {"count": 2, "from": ["releasers"], "expires": "30m"},
        },
    }
    system = await new_system(scratch=True, policy=policy)
    await system.bot.start()
    run = await system.ask("/deploy compte production evil")
    await system.gate(run)
    assert not canary.exists()
    assert await mariadb.query("SELECT id FROM users WHERE name = 'owned'", database=database.name) == []
    assert system.payload("approval", run)["needed"] == 2
    plan = str(system.messages("plan", run)[-1]["blocks"])
    assert "not rehearsed" in plan
    assert "not on `main`" in plan


async def _push_branch(application: Application, branch: str, migration: str) -> None:
    await git(application.author, "checkout", "--quiet", "-b", branch)
    path = application.author / "database" / "migrations" / "2026_01_01_000000_hostile.php"
    path.write_text(migration)
    await git(application.author, "add", "--all")
    await git(application.author, "commit", "--quiet", "-m", "chore: tidy")
    await git(application.author, "push", "--quiet", str(application.origin), f"HEAD:{branch}")
    await git(application.author, "checkout", "--quiet", "main")
