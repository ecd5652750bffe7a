"""The host, its processes or the bot are killed while migrations are rehearsed in a sandbox: nothing of it is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.demo.application.application import Application
from bot.demo.application.git import git
from bot.demo.host.host import DemoHost
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.strikes import STRIKES, Strike
from tests.support.polling import eventually
from tests.support.sandboxes import private_servers, sandboxes

NAME = "2026_01_01_000000_takes_its_time"
MIGRATION = """<?php
use Illuminate\\Database\\Migrations\\Migration;
use Illuminate\\Support\\Facades\\DB;
class TakesItsTime extends Migration {
  public function up() { sleep(4); DB::statement('create table made_in_the_box (a int)'); }
  public function down() { DB::statement('drop table made_in_the_box'); }
}
"""
POLICY: dict[str, Any] = {
    "run": {"deploy": ["anyone"]},
    "approve": {"deploy": {"count": 1, "from": ["releasers"], "expires": "30m"}},
}


async def push_slow_migration(application: Application) -> None:
    """Push a migration in whose middle there is time to strike."""
    (application.author / "database" / "migrations" / f"{NAME}.php").write_text(MIGRATION)
    await git(application.author, "add", "--all")
    await git(application.author, "commit", "--quiet", "-m", "Take time")
    await git(application.author, "push", "--quiet", str(application.origin), "HEAD:main")


def migrating(host: DemoHost) -> list[int]:
    """Give the process ids of what migrates on a host."""
    return [pid for pid in host.left_processes() if b"artisan\0migrate" in _line(pid)]


def _line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("strike", STRIKES)
async def test_a_rehearsal_in_a_sandbox_survives_and_leaves_nothing(
    strike: Strike, new_system: NewSystem, laravel_at_first: Application, ssh_host: DemoHost
) -> None:
    await push_slow_migration(laravel_at_first)
    system = await new_system(scratch="private", policy=POLICY)
    await system.bot.start()
    run = await system.ask("/deploy compte production")
    await eventually(lambda: migrating(ssh_host), 60, what="a migration that runs in the sandbox")
    assert private_servers(ssh_host)
    assert sandboxes(ssh_host)
    await strike(system, ssh_host)
    await system.gate(run, 120)
    assert system.payload("plan", run)["pending"] == [NAME]
    assert system.payload("approval", run)["needed"] == 1, "it was rehearsed in the end"
    await eventually(lambda: private_servers(ssh_host) == [], 20, what="no private server is left")
    assert sandboxes(ssh_host) == []
