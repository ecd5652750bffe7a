"""`python -m bot` from a source tree: its dependencies are installed, the program itself is not."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import sysconfig
from pathlib import Path

import pytest

from bot.playground import Playground
from bot.playground.workspace.default_workspace import default_workspace

ROOT = Path(__file__).parents[2]


@pytest.fixture
def source_tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    tree.mkdir()
    for package in ("bot", "commands"):
        (tree / package).symlink_to(ROOT / package)
    shutil.copyfile(ROOT / "ops.example.yaml", tree / "ops.yaml")
    return tree


@pytest.fixture
def dependencies(tmp_path: Path) -> Path:
    """Give a folder with every installed package but this one."""
    folder = tmp_path / "dependencies"
    folder.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "countersign" not in entry.name.lower() and entry.suffix != ".pth":
            (folder / entry.name).symlink_to(entry)
    return folder


def environment_of(tree: Path, dependencies: Path, **variables: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": f"{tree}:{dependencies}", "HOME": str(tree), **variables}


async def test_serve_runs_without_the_metadata_of_the_package(source_tree: Path, dependencies: Path) -> None:
    async with Playground(default_workspace()).serve() as playground:
        app = default_workspace().app
        process = await asyncio.create_subprocess_exec(
            # -S: without site-packages, where the tests' own environment has the package installed.
            *(sys.executable, "-S", "-m", "bot", "serve"),
            cwd=source_tree,
            env=environment_of(
                source_tree,
                dependencies,
                SLACK_BOT_TOKEN=app.bot_token,
                SLACK_APP_TOKEN=app.app_token,
                SLACK_API_URL=playground.api_url,
                COMPTE_DB_PASSWORD="none",
            ),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        async with asyncio.timeout(60):
            line = await process.stdout.readline()
            if line == b"ready\n":
                process.send_signal(signal.SIGTERM)
            out, err = await process.communicate()
    assert (line + out).decode() == "ready\n", err.decode()
    assert process.returncode == 0


async def test_the_metadata_is_really_not_there(source_tree: Path, dependencies: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-S", "-c", "from importlib.metadata import version; version('countersign')"),
        cwd=source_tree,
        env=environment_of(source_tree, dependencies),
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert b"PackageNotFoundError" in err
