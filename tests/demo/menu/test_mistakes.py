"""What the menu does to backups and the data behind them, and when the scheduled one fires."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bot.config.cron import parse_cron
from bot.demo.application.application import Application
from bot.demo.errors import DemoError
from bot.demo.host.database import DatabaseServer
from bot.demo.menu.backup_time import BackupTime, far_off, soon
from bot.demo.menu.mistakes import UserMistakes
from bot.demo.operations import daily
from bot.demo.processes.served_bot import ServedBot
from bot.engine.jobs.schedule import GRACE


@pytest.mark.parametrize(
    ("now", "minute"),
    [("12:00:00", "12:01"), ("12:00:54", "12:01"), ("12:00:56", "12:02"), ("23:59:10", "00:00")],
)
def test_the_schedule_fires_in_the_next_minute_at_which_the_bot_is_back(now: str, minute: str) -> None:
    at = soon(datetime.fromisoformat(f"2026-11-22T{now}+00:00"))
    assert at.strftime("%H:%M") == minute
    assert parse_cron(daily(at)) == f"{at.minute} {at.hour} * * *"


def test_at_the_start_no_firing_is_near_and_none_was_missed() -> None:
    now = datetime.now(UTC)
    assert far_off(now) - now > GRACE
    assert now - (far_off(now) - timedelta(days=1)) > GRACE


async def test_a_bot_that_is_away_leaves_the_schedule_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "ops.yaml"
    file.write_text("untouched")
    bot = ServedBot(tmp_path, tmp_path / ".env", print)
    with pytest.raises(DemoError, match="not there"):
        await BackupTime(file, bot).bring_forward()
    assert file.read_text() == "untouched"


async def test_the_time_is_changed_where_an_operator_would_and_the_bot_reads_it_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ops.yaml"
    backups = {"schedule": "0 3 * * *", "keep": {"daily": 7}}
    content = {"apps": {"compte": {"environments": {"production": {"backups": backups}}}}, "version": 1}
    with file.open("w") as stream:
        YAML(typ="safe").dump(content, stream)
    bot = ServedBot(tmp_path, tmp_path / ".env", print)
    stopped: list[str] = []
    monkeypatch.setattr(ServedBot, "running", True)
    monkeypatch.setattr(bot, "stop", lambda: stopped.append(file.read_text()))
    said = await BackupTime(file, bot).bring_forward()
    [written] = stopped
    found = YAML(typ="safe").load(written)["apps"]["compte"]["environments"]["production"]["backups"]
    minute, hour, *rest = found["schedule"].split()
    assert rest == ["*", "*", "*"]
    assert f"{int(hour):02}:{int(minute):02} UTC" in said
    assert found["keep"] == {"daily": 7}


async def test_rows_are_deleted_and_a_backup_is_spoilt_each_only_where_there_is_one(
    laravel_at_first: Application, mariadb: DatabaseServer
) -> None:
    mishaps = UserMistakes(laravel_at_first, mariadb)
    assert "500 rows" in await mishaps.delete_sessions()
    with pytest.raises(DemoError, match="no sessions"):
        await mishaps.delete_sessions()
    with pytest.raises(DemoError, match="no backup"):
        await mishaps.spoil_backup()
    folder = laravel_at_first.backups
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("B-1.json", "B-1.sql.zst", "S-2.json", "S-2.sql.zst"):
        (folder / name).write_bytes(bytes(100))
    assert "B-1.sql.zst" in await mishaps.spoil_backup()
    changed = {path.name for path in folder.iterdir() if path.read_bytes() != bytes(100)}
    assert changed == {"B-1.sql.zst"}
    assert (folder / "B-1.sql.zst").stat().st_size == 100
