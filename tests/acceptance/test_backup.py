"""`/backup` on a real database, seen from outside."""
# ruff: noqa: ASYNC240 - nothing else waits while a test looks at its own small files

from pathlib import Path

from bot.demo.application import Application
from tests.acceptance.stage import Stage


async def backed_up(stage: Stage, words: str = "compte production") -> str:
    """Make a backup and give its ID."""
    run = await stage.ask(f"/backup {words}")
    assert await stage.end(run) == "succeeded", stage.result(run)
    return str(stage.payload("result", run)["backup"])


async def test_a_backup_runs_without_a_gate_and_says_its_name(stage: Stage, laravel_at_first: Application) -> None:
    backup = await backed_up(stage)
    assert stage.messages("approval") == []
    files = sorted(path.name for path in Path(laravel_at_first.backups).iterdir())
    assert files == [f"{backup}.json", f"{backup}.sql.zst"]
    card = stage.payload("card")
    assert (card["command"], card["state"]) == ("backup", "succeeded")
