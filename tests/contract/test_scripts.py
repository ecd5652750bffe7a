"""The programs of `scripts`: an oracle that cannot be had has a status of its own, and each says what executes it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NODE, OLD_NODE = "exit 0", '[ "$1" = --version ] && echo v18.0.0; exit 1'
GOT = "mkdir -p node_modules"
OFFLINE = "echo npm error code ENOTFOUND; exit 1"
SPOILT = "echo npm error code EINTEGRITY; exit 1"


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("node", "npm", "python", "status", "said"),
    [
        (NODE, GOT, "exit 0", 0, ""),
        (NODE, GOT, "exit 1", 1, ""),
        (NODE, GOT, "exit 5", 1, ""),
        (NODE, SPOILT, "exit 0", 1, "EINTEGRITY"),
        (NODE, OFFLINE, "exit 0", 3, "Nothing was held against"),
        (OLD_NODE, GOT, "exit 0", 3, "v18.0.0 is too old"),
        (None, None, "exit 0", 3, "node and npm are not installed"),
    ],
)
def test_what_cannot_be_had_has_a_status_of_its_own(
    tmp_path: Path, node: str | None, npm: str | None, python: str, status: int, said: str
) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/test-oracles", tmp_path / "scripts")
    (tmp_path / "tests/oracles").mkdir(parents=True)
    shutil.copy(ROOT / "tests/oracles/package-lock.json", tmp_path / "tests/oracles")
    program(tmp_path / ".venv/bin", "python", python)
    for name, script in (("node", node), ("npm", npm)):
        if script is not None:
            program(tmp_path / "bin", name, script)
    for name in ("bash", "cat", "cmp", "cp", "dirname", "env", "grep", "mkdir", "rm", "sed", "timeout"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).symlink_to(found)
    done = subprocess.run(
        [tmp_path / "scripts/test-oracles", tmp_path],
        env={**os.environ, "PATH": str(tmp_path / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr


def test_what_may_be_executed_says_by_what() -> None:
    """Without its first line a shell would take a Python program for its own."""
    programs = [path for path in (ROOT / "scripts").iterdir() if path.is_file() and os.access(path, os.X_OK)]
    assert programs
    assert [path.name for path in programs if not path.read_bytes().startswith(b"#!")] == []


def test_the_lock_pins_every_package_by_its_contents_and_names_no_registry() -> None:
    lock = json.loads((ROOT / "tests/oracles/package-lock.json").read_text())
    packages = [package for place, package in lock["packages"].items() if place]
    assert packages
    assert all("integrity" in package and "resolved" not in package for package in packages)
    wanted = json.loads((ROOT / "tests/oracles/package.json").read_text())["dependencies"]
    assert all(version[0].isdigit() for version in wanted.values()), "an exact version"
