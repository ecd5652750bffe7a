"""`/backup` on a real database, seen from outside."""
# ruff: noqa: ASYNC240 - nothing else waits while a test looks at its own small files

import json
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


async def test_the_list_tells_what_there_is_to_who_asked_alone(stage: Stage) -> None:
    assert "There is no backup" in await stage.told("/backup list compte production")
    backup = await backed_up(stage)
    await stage.told("/backup list compte production")
    shown = json.dumps(stage.snapshot()["ephemerals"][-1], ensure_ascii=False)
    assert backup in shown
    assert "*proven*" in shown
    assert "restores in about" in shown
    assert stage.messages("backups") == []


async def test_a_backup_is_proven_again_and_a_corrupt_one_is_refused(
    stage: Stage, laravel_at_first: Application
) -> None:
    backup = await backed_up(stage)
    verified = await stage.ask(f"/backup verify compte production {backup}")
    assert await stage.end(verified) == "succeeded", stage.result(verified)
    assert stage.payload("result", verified)["backup"] == backup
    dump = Path(laravel_at_first.backups) / f"{backup}.sql.zst"
    dump.write_bytes(dump.read_bytes()[:-30] + bytes(30))
    broken = await stage.ask(f"/backup verify compte production {backup}")
    assert await stage.end(broken) == "failed"
    assert "checksum differs" in stage.result(broken)
