"""The rules of backups, seen from outside: retention, who is called, a missed firing, and a gate that needs a proof."""
# ruff: noqa: ASYNC240 - nothing else waits while a test looks at its own small files

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.demo.application.application import Application
from bot.demo.application.commits import CommitKind
from tests.acceptance.conftest import NewSystem
from tests.acceptance.support.system import DBA
from tests.support.operations import PRODUCTION
from tests.support.polling import eventually


def aged(folder: Path, backup: str, name: str, age: timedelta, **changes: object) -> None:
    """Put a copy of a backup beside it that says it is older."""
    manifest = json.loads((folder / f"{backup}.json").read_text())
    started = (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%SZ")
    file = manifest["file"].replace(backup, name)
    (folder / file).write_bytes((folder / manifest["file"]).read_bytes())
    (folder / f"{name}.json").write_text(
        json.dumps({**manifest, "backup": name, "file": file, "started": started, **changes})
    )


def half_an_hour_ago() -> str:
    return f"{(datetime.now(UTC) - timedelta(minutes=30)).minute} * * * *"


async def test_a_missed_firing_is_made_up_for_and_what_is_no_longer_kept_goes(
    new_system: NewSystem, laravel_at_first: Application
) -> None:
    folder = Path(laravel_at_first.backups)
    first = await new_system(scratch=True)
    await first.bot.start()
    made = await first.ask("/backup compte production")
    assert await first.end(made) == "succeeded", first.result(made)
    kept = str(first.payload("result", made)["backup"])
    await first.bot.stop()
    aged(folder, kept, "B-20261001-AAAAAA", timedelta(days=20))
    aged(folder, kept, "B-20261001-BBBBBB", timedelta(days=10), proof="checked")
    aged(folder, kept, "S-20261001-CCCCCC", timedelta(days=29), purpose="safety")
    aged(folder, kept, "S-20261001-DDDDDD", timedelta(days=31), purpose="safety")

    system = await new_system(scratch=True, schedule=half_an_hour_ago(), keep={"daily": 1})
    await system.bot.start()
    [run] = await system.runs(1)
    assert await system.end(run) == "succeeded", system.result(run)
    plan = json.dumps(system.messages("plan", run)[-1]["blocks"], ensure_ascii=False)
    assert "I was not running then, and am catching up now" in plan
    assert "Past retention" in plan
    left = {path.name for path in folder.iterdir()}
    new = str(system.payload("result", run)["backup"])
    staying = (kept, new, "S-20261001-CCCCCC")
    assert left == {f"{backup}{suffix}" for backup in staying for suffix in (".json", ".sql.zst")}
    assert "<@" not in json.dumps([message["text"] for message in system.messages()]), (
        "all is well: nobody is mentioned"
    )
    async with system.bot.store() as store:
        [removed] = [
            record.entry.facts["removed"]
            for record in await store.history.of_run(run)
            if record.entry.event == "step_done" and record.entry.facts["step"] == "retention"
        ]
    assert removed.split(", ") == ["S-20261001-DDDDDD", "B-20261001-AAAAAA", "B-20261001-BBBBBB"]


async def test_people_are_called_when_a_scheduled_backup_fails(
    new_system: NewSystem, laravel_at_first: Application
) -> None:
    Path(laravel_at_first.backups).rmdir()
    Path(laravel_at_first.backups).write_text("a file stands where the directory should be")
    system = await new_system(schedule=half_an_hour_ago(), backups={"alert": ["dbas"]})
    await system.bot.start()
    [run] = await system.runs(1)
    assert await system.end(run) == "failed"
    assert f"<@{DBA}>" in system.result(run)
    assert "cannot be made" in system.result(run)
    assert f"<@{DBA}>" not in json.dumps(system.messages("card", run)), "the call is in the thread, once"


async def test_people_are_called_when_no_proven_backup_is_young_enough(new_system: NewSystem) -> None:
    system = await new_system(scratch=True, backups={"alert": ["dbas"], "max_age": "30d"})
    await system.bot.start()
    [run] = await system.runs(1)
    assert await system.end(run) == "failed"
    assert f"<@{DBA}> *No proven backup of compte production is recent enough.*" in system.result(run)
    assert "none is proven at all" in system.result(run)
    await system.press(run, "run_retry")
    again = (await system.runs(2))[-1]
    assert await system.end(again) == "succeeded", system.result(again)
    await system.bot.stop()
    await system.bot.start()
    await system.answer("/backup list compte production")
    assert len(await system.runs(2)) == 2, "all is well again, and nobody is called"


async def test_a_deploy_waits_for_a_proven_backup(new_system: NewSystem, laravel_at_first: Application) -> None:
    await laravel_at_first.next_commit(CommitKind.TOKEN_ID)
    policy = {**PRODUCTION, "backup_before": {}, "require_proven_backup": "24h"}
    system = await new_system(scratch=True, policy=policy)
    await system.bot.start()
    refused = await system.ask()
    assert await system.end(refused) == "failed"
    assert system.messages("approval", refused) == []
    assert "is proven and younger than 24\u00a0h; none is proven at all" in system.result(refused)
    made = await system.ask("/backup compte production")
    assert await system.end(made) == "succeeded", system.result(made)
    backup = system.payload("result", made)["backup"]
    run = await system.ask()
    gate = await system.gate(run)
    shown = json.dumps(gate["blocks"], ensure_ascii=False)
    assert f"Backup `{backup}` *proven* <!date^" in shown
    assert "^{ago}|" in shown
    assert "restores in about" in shown
    system.react(gate)
    assert await system.end(run) == "succeeded", system.result(run)
    await eventually(lambda: system.files(), 20, what="the log")
