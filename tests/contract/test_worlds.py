"""`scripts/worlds` from outside: its exit statuses, and that it leaves nothing mounted, however it ends."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

WORLDS = Path(__file__).parents[2] / "scripts" / "worlds"
NOT_HERE = os.geteuid() != 0 or shutil.which("unshare") is None


def start(folder: Path, *words: str, debootstrap: str) -> subprocess.Popen[str]:
    """Start it with a stand-in for debootstrap, whose last arguments are the suite and the folder."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "debootstrap").write_text(f"#!/bin/sh\n{debootstrap}\n")
    (programs / "debootstrap").chmod(0o755)
    variables = {"PATH": f"{programs}:{os.environ['PATH']}", "WORLDS_DIR": str(folder / "worlds"), "HOME": str(folder)}
    return subprocess.Popen(
        [WORLDS, *words], env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.parametrize("words", [(), ("make", "nowhere"), ("run", "mysql"), ("versions",), ("bake",)])
def test_wrong_use_is_status_2(words: tuple[str, ...], tmp_path: Path) -> None:
    process = start(tmp_path, *words, debootstrap="exit 0")
    printed, _ = process.communicate(timeout=20)
    assert process.returncode == 2, printed
    assert "Usage: scripts/worlds make" in printed


@pytest.mark.skipif(NOT_HERE, reason="worlds need root")
def test_a_world_that_cannot_be_installed_has_a_status_of_its_own(tmp_path: Path) -> None:
    process = start(tmp_path, "make", "mysql", debootstrap="exit 1")
    printed, _ = process.communicate(timeout=20)
    assert process.returncode == 3, printed
    assert "The world mysql cannot be installed: debootstrap failed" in printed


@pytest.mark.skipif(NOT_HERE, reason="worlds need root")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_stays_mounted_when_it_is_interrupted(how: signal.Signals, tmp_path: Path) -> None:
    mounting = 'mkdir -p "$3/x" && mount -t tmpfs tmpfs "$3/x" && : >"$3.mounted" && exec sleep 5'
    process = start(tmp_path, "make", "mysql", debootstrap=mounting)
    mounted = tmp_path / "worlds" / "mysql.part.mounted"
    until = time.monotonic() + 20
    while not mounted.exists():
        assert time.monotonic() < until, process.poll()
        time.sleep(0.02)
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
    process.send_signal(how)
    process.wait(timeout=20)
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
    assert not (tmp_path / "worlds" / "mysql").exists(), "what was half made is taken for no world"
