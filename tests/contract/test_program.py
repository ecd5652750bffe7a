"""What scripts rely on of the program: exit statuses, the line `ready`, defaults of the environment."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.config.settings import settings_of
from bot.config.variables import read_variables
from bot.playground import Playground
from bot.playground.workspace.default_workspace import default_workspace

ROOT = Path(__file__).parents[2]
NOWHERE = "sqlite+aiosqlite:////proc/x/y.db"
TOKENS = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}


async def start(folder: Path, words: tuple[str, ...], environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *words,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(folder), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str, str]:
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copyfile(ROOT / "ops.example.yaml", tmp_path / "ops.yaml")
    return tmp_path


def test_the_defaults_of_the_environment(tmp_path: Path) -> None:
    found = settings_of(read_variables(tmp_path / ".env", TOKENS))
    assert found.slack_api_url == "https://slack.com/api/"
    assert str(found.store_url) == "sqlite+aiosqlite:///data/countersign.db"
    assert found.ops_file == Path("ops.yaml")
    assert found.log_format == "console"
    assert found.http_addr is None


@pytest.mark.parametrize("log_format", ["console", "json"])
async def test_serve_says_ready_on_standard_output_and_sigterm_ends_it_well(folder: Path, log_format: str) -> None:
    async with Playground(default_workspace()).serve() as playground:
        app = default_workspace().app
        environment = {
            "SLACK_BOT_TOKEN": app.bot_token,
            "SLACK_APP_TOKEN": app.app_token,
            "SLACK_API_URL": playground.api_url,
            "COMPTE_DB_PASSWORD": "none",
            "LOG_FORMAT": log_format,
        }
        process = await start(folder, ("serve",), environment)
        assert process.stdout is not None
        said = ""
        async with asyncio.timeout(60):
            while "ready" not in said:
                line = (await process.stdout.readline()).decode()
                assert line, (await process.communicate())[1].decode()
                said += line
        process.send_signal(signal.SIGTERM)
        status, rest, _ = await ended(process)
    lines = (said + rest).splitlines()
    assert status == 0
    if log_format == "console":
        assert lines == ["ready"]
    else:
        assert [record for record in map(json.loads, lines) if record["event"] == "ready"]


@pytest.mark.parametrize(
    ("words", "environment", "status", "says"),
    [
        (("serve",), {}, 2, "SLACK_BOT_TOKEN: missing"),
        (("serve",), {**TOKENS, "COMPTE_DB_PASSWORD": "x", "LANGUAGE_DIR": "nowhere"}, 2, "LANGUAGE_DIR: nowhere"),
        (("serve",), {**TOKENS, "COMPTE_DB_PASSWORD": "x", "STORE_URL": NOWHERE}, 1, "cannot be made"),
        (("check",), {}, 2, "SLACK_BOT_TOKEN: missing"),
        (("check",), {**TOKENS, "COMPTE_DB_PASSWORD": "x"}, 0, "0 problems"),
        (("runs",), {}, 1, "there is no store yet"),
        (("runs", "show", "R-7K3F9Q", "--json"), {}, 1, "there is no store yet"),
        (("runs",), {"STORE_URL": "redis://x"}, 2, "STORE_URL"),
        (("audit", "verify"), {}, 1, "there is no store yet"),
        (("manifest",), {}, 0, "slash_commands"),
    ],
)  # fmt: skip
async def test_exit_statuses(
    folder: Path, words: tuple[str, ...], environment: dict[str, str], status: int, says: str
) -> None:
    found, out, err = await ended(await start(folder, words, environment))
    assert found == status, out + err
    assert says in out + err
    assert "Traceback" not in out + err


async def test_a_token_that_slack_refuses_is_status_1(folder: Path) -> None:
    async with Playground(default_workspace()).serve() as playground:
        environment = {**TOKENS, "SLACK_API_URL": playground.api_url, "COMPTE_DB_PASSWORD": "x"}
        status, out, err = await ended(await start(folder, ("serve",), environment))
    assert (status, out) == (1, "")
    assert "Slack refused the bot's token: invalid_auth" in err
    assert "Traceback" not in err
