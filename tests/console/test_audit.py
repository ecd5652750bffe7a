"""`countersign audit`, through the real store."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bot.audit.lines import COLUMNS
from bot.console import audit
from bot.console.audit import instant_of
from bot.domain.runs.history import Entry
from bot.store import open_store

ROOT = Path(__file__).parents[2]
SECRET = "hunter22"
AT = datetime(2026, 11, 16, 7, 40, 3, tzinfo=UTC)


async def fill(url: str, count: int) -> None:
    async with open_store(url) as store:
        for number in range(count):
            facts = {"reason": f'=1+1 "{SECRET}", é\n', "n": str(number)}
            await store.history.append(
                (Entry("R-7K3F9Q", f"event{number}", "U0AMELIE", facts),), AT + timedelta(days=number)
            )


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("STORE_URL", "OPS_FILE", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    url = f"sqlite+aiosqlite:///{tmp_path}/store.db"
    asyncio.run(fill(url, 5))
    file = tmp_path / ".env"
    file.write_text(f"STORE_URL={url}\nOPS_FILE={tmp_path}/none.yaml\nSLACK_BOT_TOKEN={SECRET}\n")
    return file


def invoke(env: Path, *words: str) -> Any:
    app = typer.Typer()
    app.callback()(lambda: None)
    audit.register(app)
    return CliRunner().invoke(app, ["audit", *words, "--env", str(env)])


def edit(env: Path, statement: str) -> None:
    with sqlite3.connect(env.parent / "store.db") as connection:
        connection.execute(statement)


def test_a_history_that_holds(env: Path) -> None:
    result = invoke(env, "verify")
    assert result.exit_code == 0
    assert result.stdout.startswith("the history holds: 5 records; the last has hash ")


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE history SET actor = 'UEVE' WHERE sequence = 3", "record 3 was changed"),
        ("DELETE FROM history WHERE sequence = 3", "record 3 is missing"),
        ("DELETE FROM history WHERE sequence > 3", "record 4 and what followed it were cut off"),
        ("DELETE FROM chain", "after record 5 the end is not where it was noted to be"),
        ("UPDATE chain SET sequence = 4", "after record 5 the end is not where it was noted to be"),
    ],
)
def test_where_the_chain_breaks(env: Path, statement: str, says: str) -> None:
    edit(env, statement)
    result = invoke(env, "verify")
    assert result.exit_code == 1
    assert says in result.stdout


def test_a_chain_that_was_made_anew_is_found_by_a_copy(env: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl"
    # As a syslog server writes it, something stands before the JSON.
    lines = invoke(env, "export", "--since", "2026-01-01").stdout.splitlines()
    copy.write_text("".join(f"Nov 16 07:40:03 bot countersign[1]: {line}\n" for line in lines))
    assert invoke(env, "verify", "--against", str(copy)).exit_code == 0
    (tmp_path / "store.db").unlink()
    asyncio.run(fill(f"sqlite+aiosqlite:///{tmp_path}/store.db", 4))
    assert invoke(env, "verify").exit_code == 0
    cut = invoke(env, "verify", "--against", str(copy))
    assert (cut.exit_code, "record 5 and what followed it were cut off" in cut.stdout) == (1, True)
    copy.write_text(copy.read_text().replace('"hash":"', '"hash":"0', 1))
    other = invoke(env, "verify", "--against", str(copy))
    assert (other.exit_code, "record 1 is another one than in the copy" in other.stdout) == (1, True)


def test_a_copy_that_is_none_is_named(env: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl"
    copy.write_text("\nnothing\n")
    result = invoke(env, "verify", "--against", str(copy))
    assert result.exit_code == 2
    assert f"{copy}:2: not a record" in result.stderr


def test_json_lines(env: Path) -> None:
    result = invoke(env, "export", "--since", "2026-11-18", "--until", "2026-11-20T07:40:03Z", "--format", "jsonl")
    assert result.exit_code == 0
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["event"] for record in records] == ["event2", "event3"]
    assert tuple(records[0]) == COLUMNS
    assert records[0]["facts"] == {"n": "2", "reason": '=1+1 "***", é\n'}
    assert (records[0]["run"], records[0]["actor"]) == ("R-7K3F9Q", "U0AMELIE")
    assert records[1]["before"] == records[0]["hash"]


def test_csv(env: Path) -> None:
    result = invoke(env, "export", "--since", "2026-11-16", "--format", "csv")
    assert result.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(result.stdout, newline="")))
    assert [row["sequence"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert json.loads(rows[0]["facts"])["reason"] == '=1+1 "***", é\n'
    assert SECRET not in result.stdout


def test_nothing_since_is_nothing(env: Path) -> None:
    result = invoke(env, "export", "--since", "2027-01-01")
    assert (result.exit_code, result.stdout) == (0, "")


def test_a_time_that_is_none_is_told_with_what_would_be_right(env: Path) -> None:
    result = invoke(env, "export", "--since", "yesterday")
    assert result.exit_code == 2
    assert "'yesterday' is no instant; write 2026-11-01" in result.stderr


def test_a_store_that_is_not_there_is_no_history_that_holds(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(f"STORE_URL=sqlite+aiosqlite:///{tmp_path}/none.db\n")
    result = invoke(file, "verify")
    assert result.exit_code == 1
    assert "there is no store yet" in result.stderr


def test_a_reader_that_has_enough_is_no_error(env: Path) -> None:
    asyncio.run(fill(f"sqlite+aiosqlite:///{env.parent}/store.db", 400))
    words = [sys.executable, "-m", "bot", "audit", "export", "--since", "2026-01-01", "--env", str(env)]
    process = subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T09:30:00", datetime(2026, 11, 1, 9, 30, tzinfo=UTC)),
        ("2026-11-01T09:30:00+01:00", datetime(2026, 11, 1, 8, 30, tzinfo=UTC)),
        ("2026-11-01T09:30:00Z", datetime(2026, 11, 1, 9, 30, tzinfo=UTC)),
        ("90m", AT - timedelta(minutes=90)),
        ("30d", AT - timedelta(days=30)),
    ],
)
def test_instants(typed: str, meant: datetime) -> None:
    assert instant_of(typed, AT) == meant


@pytest.mark.parametrize("typed", ["", "30", "30x", "2026-13-01", "999999d", "now"])
def test_what_is_no_instant(typed: str) -> None:
    with pytest.raises(ValueError, match="is no instant"):
        instant_of(typed, AT)
