"""A migration that meets somebody's open transaction: production waits no longer than the policy's patience."""

from typing import Any

from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer
from tests.acceptance.conftest import NewStage
from tests.support.operations import PRODUCTION


async def test_a_migration_behind_an_open_transaction_waits_for_a_person(
    new_stage: NewStage, laravel: Application, mariadb: DatabaseServer
) -> None:
    name = laravel.database.name
    await mariadb.query(f"GRANT PROCESS ON *.* TO `{laravel.database.user}`@`%`")
    policy: dict[str, Any] = {**PRODUCTION, "backup_before": {}, "lock_patience": "1s"}
    stage = await new_stage(policy=policy)
    await stage.bot.start()
    run = await stage.ask()
    await stage.gate(run)
    async with mariadb.lock_table(name, "user_sessions"):
        assert await stage.approved(run) == "needs_human"
    assert stage.steps(run)["migrate"] == "failed"
    told = stage.result(run)
    assert "waited 1 s for a lock and was ended" in told
    assert "of `root`" in told
    assert "alter table" in told
    assert laravel.is_down
    assert "run_resume_retry" in told
    assert "token_id" not in await mariadb.columns(name, "user_sessions")
