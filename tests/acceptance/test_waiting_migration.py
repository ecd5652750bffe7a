"""A migration that meets somebody's open transaction: production waits no longer than the policy's patience."""

from typing import Any

from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer
from tests.acceptance.conftest import NewSystem
from tests.support.operations import PRODUCTION


async def test_a_migration_behind_an_open_transaction_waits_for_a_person(
    new_system: NewSystem, laravel: Application, mariadb: DatabaseServer
) -> None:
    name = laravel.database.name
    await mariadb.query(f"GRANT PROCESS ON *.* TO `{laravel.database.user}`@`%`")
    policy: dict[str, Any] = {**PRODUCTION, "backup_before": {}, "lock_patience": "1s"}
    system = await new_system(policy=policy)
    await system.bot.start()
    run = await system.ask()
    await system.gate(run)
    async with mariadb.lock_table(name, "user_sessions"):
        assert await system.approved(run) == "needs_human"
    assert system.steps(run)["migrate"] == "failed"
    told = system.result(run)
    assert "waited 1\u00a0s for a lock and was ended" in told
    assert "of `root`" in told
    assert "alter table" in told
    assert laravel.is_down
    assert "run_resume_retry" in told
    assert "token_id" not in await mariadb.columns(name, "user_sessions")
