"""The playground as a process of its own."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.playground.workspace.default_workspace import DEFAULT_WORKSPACE

ROOT = Path(__file__).parents[2]


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot.playground",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def ready(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        return json.loads(await process.stdout.readline())


async def test_it_says_where_it_is_and_ends_on_a_signal(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    file = tmp_path / "workspace.json"
    file.write_text(json.dumps({**DEFAULT_WORKSPACE, "team": {"name": "Elsewhere"}}), encoding="utf-8")
    process = await start("--port", "0", "--workspace", str(file))
    line = await ready(process)
    assert (line["event"], line["api"]) == ("ready", line["url"] + "api/")
    async with session.get(line["url"] + "playground/state") as answer:
        assert (await answer.json())["team"]["name"] == "Elsewhere"
    async with session.get(line["url"] + "playground/stream?after=0") as stream:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            await stream.read()
    _, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("{", "is no JSON"), ('{"users": []}', "workspace.app.id"), (None, "No such file")],
)
async def test_an_unusable_file_is_named_and_nothing_starts(tmp_path: Path, content: str | None, sentence: str) -> None:
    file = tmp_path / "workspace.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    process = await start("--workspace", str(file))
    output, errors = await process.communicate()
    assert (process.returncode, output) == (2, b"")
    assert sentence in errors.decode()
    assert "Traceback" not in errors.decode()


async def test_a_taken_port_is_named() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        process = await start("--port", str(port))
        _, errors = await process.communicate()
    assert process.returncode == 1
    assert f"Port {port} cannot be used" in errors.decode()
    assert "Traceback" not in errors.decode()
