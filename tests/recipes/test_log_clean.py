"""The step that reads the log after a deploy: what it cannot read is not read, neither clean nor dirty."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain.runs.run import NOT_READ
from bot.recipes.load import load_recipe

NOBODY = 65534
ERROR = "[2026-11-30 08:00:00] production.ERROR: broken\n"
[SCRIPT] = [spec.run for spec in load_recipe("laravel", Path()).verify if spec.key == "log-clean"]


@pytest.fixture
def checkout() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "storage" / "logs").mkdir(parents=True)
        yield folder


def run(checkout: Path) -> tuple[int, str]:
    user = NOBODY if os.geteuid() == 0 else None
    ended = subprocess.run(
        ["sh", "-c", str(SCRIPT)], cwd=checkout, capture_output=True, text=True, user=user,
        env={"PATH": os.defpath, "COUNTERSIGN_RUN_DIR": str(checkout)},
    )  # fmt: skip
    return ended.returncode, ended.stdout


@pytest.mark.parametrize(
    ("logs", "status", "says"),
    [
        ({}, 0, ""),
        ({"a.log": (0o644, "fine\n")}, 0, ""),
        ({"a.log": (0o644, ERROR)}, 1, "broken"),
        ({"a.log": (0o000, ERROR)}, NOT_READ, "storage/logs/a.log was not read"),
        ({"a.log": (0o000, "x"), "b.log": (0o644, ERROR)}, 1, "broken"),
    ],
)
def test_a_log_that_cannot_be_read_is_not_read(
    checkout: Path, logs: dict[str, tuple[int, str]], status: int, says: str
) -> None:
    for name, (mode, text) in logs.items():
        (checkout / "storage" / "logs" / name).write_text(text)
        (checkout / "storage" / "logs" / name).chmod(mode)
    found, said = run(checkout)
    assert (found, says in said) == (status, True), said


def test_a_folder_that_cannot_be_read_is_not_read(checkout: Path) -> None:
    (checkout / "storage" / "logs").chmod(0o000)
    assert run(checkout)[0] == NOT_READ
