"""`countersign runs`, through the real store."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bot.console import runs
from bot.domain.runs.history import Entry
from bot.domain.runs.run import RunState
from bot.engine.run_changes import Chunk, GateIs, MoveTo, PlanIs, Printed, StepsAdded, VotesAre
from bot.store import open_store
from tests.console.support.samples import AT, FAILED, PLAN, REQUEST, SECRET

RUN = FAILED.id


async def fill(url: str) -> None:
    async with open_store(url) as store:
        await store.runs.create(RUN, REQUEST, AT, Entry(RUN, "requested", "U0AMELIE", {"ref": f"main-{SECRET}"}))
        lease = await store.leases.claim(RUN, "one", timedelta(hours=1))
        assert lease is not None
        assert await store.leases.admit(lease, AT)
        assert FAILED.gate is not None
        changes = (PlanIs(PLAN), StepsAdded(FAILED.steps), GateIs(FAILED.gate), VotesAre(FAILED.votes))
        await store.runs.write(lease, (*changes, MoveTo(RunState.RUNNING, AT)))
        await store.runs.write(
            lease, (Printed(Chunk("migrate", "web1", 1, 0, f"one [bold]\nSQLSTATE {SECRET}\n".encode())),)
        )


@pytest.fixture(scope="module")
def env(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    url = f"sqlite+aiosqlite:///{folder}/store.db"
    asyncio.run(fill(url))
    ops = folder / "ops.yaml"
    ops.write_text("broken: [\n      password: ${DB_PASSWORD}\n")
    file = folder / ".env"
    file.write_text(f"STORE_URL={url}\nOPS_FILE={ops}\nDB_PASSWORD={SECRET}\n")
    return file


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in ("STORE_URL", "OPS_FILE", "DB_PASSWORD", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def invoke(env: Path, *words: str):
    app = typer.Typer()
    app.callback()(lambda: None)
    runs.register(app)
    return CliRunner().invoke(app, ["runs", *words, "--env", str(env)])


def test_list(env):
    for words in ((), ("list",)):
        result = invoke(env, *words)
        assert result.exit_code == 0
        assert "R-7K3F9Q  ▸ running  deploy compte production" in result.stdout


def test_list_json(env):
    for words in (("--json",), ("list", "--json", "--limit", "5")):
        (run,) = json.loads(invoke(env, *words).stdout)
        assert set(run) == {
            "run", "state", "command", "app", "environment", "requested_by", "typed", "created_at", "change_started_at",
            "ended_at", "seconds", "problem",
        }  # fmt: skip
        assert (run["run"], run["state"], run["command"], run["app"]) == (RUN, "running", "deploy", "compte")
        assert (run["created_at"], run["ended_at"]) == ("2026-11-16T07:40:03Z", None)


@pytest.mark.parametrize("typed", [RUN, "r-7k3f9q", "7K3F9Q"])
def test_show(env, typed):
    result = invoke(env, "show", typed)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) <= 22
    for part in ("approval: approved, 1 of 1", "✗ Run the migrations", "requested by U0AMELIE", "--verbose"):
        assert part in result.stdout


def test_show_every_detail(env):
    result = invoke(env, "show", RUN, "--verbose")
    assert result.exit_code == 0
    for part in ("PLAN", "APPROVAL", "STEPS", "HISTORY", "Run the migrations", "requested by U0AMELIE"):
        assert part in result.stdout


def test_show_json(env):
    run = json.loads(invoke(env, "show", RUN, "--json").stdout)
    assert run["plan"]["sha"] == "a" * 40
    assert len(run["plan"]["digest"]) == 64
    assert run["plan"]["pending"] == ["2025_11_16_074003_add_token_id_to_user_sessions_table"]
    assert (run["gate"]["needed"], run["gate"]["state"], run["gate"]["from"]) == (1, "approved", ["releasers"])
    assert [vote["user"] for vote in run["votes"] if vote["counts"]] == ["U0BOB"]
    steps = {step["key"]: step for step in run["steps"]}
    assert list(steps) == ["preflight", "backup", "down", "migrate", "health"]
    assert steps["migrate"]["state"] == "failed"
    assert steps["migrate"]["places"][0]["problem"] == {
        "reason": "exit_status",
        "facts": {"status": "1", "host": "web1"},
    }
    assert steps["backup"]["places"][0]["seconds"] == 14.2
    assert [place["place"] for place in steps["down"]["places"]] == ["web1", "web2"]
    assert run["history"][0]["event"] == "requested"


def test_log(env):
    result = invoke(env, "log", RUN)
    assert result.exit_code == 0
    assert result.stdout == "── Run the migrations on web1 (failed) ──\none [bold]\nSQLSTATE ***\n"


def test_log_json(env):
    (one,) = json.loads(invoke(env, "log", RUN, "--json").stdout)
    assert (one["step"], one["place"], one["attempt"], one["state"]) == ("migrate", "web1", 1, "failed")
    assert one["text"] == "one [bold]\nSQLSTATE ***\n"


@pytest.mark.parametrize(
    "words",
    [("list",), ("show", RUN), ("show", RUN, "-v"), ("log", RUN), ("show", RUN, "--json"), ("log", RUN, "--json")],
)
def test_no_secret_is_shown_even_with_a_broken_operations_file(env, words):
    result = invoke(env, *words)
    assert result.exit_code == 0
    assert SECRET not in result.output


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("R-7K3F9X", "no such run: 'R-7K3F9X'; did you mean R-7K3F9Q?"),
        ("nonsense!", "no such run: 'nonsense!'"),
        ("\x1b[31m", "no such run: '\\x1b[31m'"),
    ],
)
@pytest.mark.parametrize("command", ["show", "log"])
def test_no_such_run(env, command, typed, first):
    result = invoke(env, command, typed)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [first, "the latest runs are R-7K3F9Q"]


def test_no_store_yet(tmp_path):
    file = tmp_path / ".env"
    file.write_text(f"STORE_URL=sqlite+aiosqlite:///{tmp_path}/none.db\n")
    result = invoke(file, "list")
    assert result.exit_code == 1
    assert "there is no store yet" in result.stderr
    assert not (tmp_path / "none.db").exists()


def test_a_wrong_store_url(tmp_path):
    file = tmp_path / ".env"
    file.write_text("STORE_URL=postgres://u:hunter22@h/x\n")
    result = invoke(file, "list")
    assert result.exit_code == 2
    assert result.stderr == (
        f"{file}:1: STORE_URL: not a store that the bot knows; it begins with sqlite+aiosqlite:/// or mysql+aiomysql://\n"
    )
