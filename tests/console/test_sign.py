"""`countersign sign` on a signer's machine: no store, no configuration, and nothing but a whole plan is signed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain.signatures.plan_text import PlanToSign, plan_text
from bot.domain.signatures.signature import read_armour
from bot.signatures.ssh_keygen import is_signature
from tests.domain.support.plan_samples import PLANS
from tests.support.signing import KeyFile, new_key

PLAN = PLANS["deploy sealed"]
TEXT = plan_text(PlanToSign("R-7K3F9Q", PLAN, "5e" * 16, datetime(2099, 1, 1, tzinfo=UTC), afterwards=False))
ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "plan.txt"
    found.write_text(TEXT)
    return found


@pytest.fixture
def key(tmp_path: Path) -> KeyFile:
    return new_key(tmp_path)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    socket = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    while not socket.exists():
        assert process.poll() is None
    yield str(socket)
    process.terminate()
    process.wait(10)


def add_to_agent(agent: str, key: KeyFile) -> None:
    subprocess.run(["ssh-add", "-q", str(key.path)], env={**os.environ, "SSH_AUTH_SOCK": agent}, check=True)


def sign(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a signer does, in an empty folder."""
    clean = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(folder), **environment}
    return subprocess.run(
        [sys.executable, "-m", "bot", "sign", *words],
        cwd=folder,
        env=clean,
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


async def test_it_shows_the_plan_and_prints_a_signature_that_holds(file: Path, key: KeyFile) -> None:
    done = sign(file.parent, "plan.txt", "--key", str(key.path), "--yes")
    assert done.returncode == 0, done.stderr
    armour = read_armour(done.stdout)
    assert armour is not None
    assert await is_signature(TEXT, armour.text, key.key, "U0BOB")
    assert "Target        compte production" in done.stderr
    assert "Text, plan and digest belong together." in done.stderr
    assert sorted(path.name for path in file.parent.iterdir()) == ["key_ed25519", "key_ed25519.pub", "plan.txt"]


async def test_it_signs_with_the_only_key_of_the_agent(file: Path, key: KeyFile, agent: str, tmp_path: Path) -> None:
    add_to_agent(agent, key)
    done = sign(file.parent, "plan.txt", SSH_AUTH_SOCK=agent)
    assert done.returncode == 0, done.stderr
    armour = read_armour(done.stdout)
    assert armour is not None
    assert await is_signature(TEXT, armour.text, key.key, "U0BOB")
    add_to_agent(agent, new_key(tmp_path, "other"))
    several = sign(file.parent, "plan.txt", SSH_AUTH_SOCK=agent)
    assert (several.returncode, several.stdout) == (1, "")
    assert "the agent has 2 keys" in several.stderr


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text.replace("compte production", "compte staging", 1), "is not what the plan says"),
        (lambda text: text.replace("[destroys]", "[reads]", 1), "is not what the plan says"),
        (lambda text: text[:-100], "cannot be read"),
        (lambda text: text.replace("production", "productіon", 1), "other than printable ASCII"),
        (lambda text: text.replace("\n", "\r\n"), "other than printable ASCII"),
        (lambda text: "please sign", "no plan.txt"),
    ],
)
def test_what_does_not_belong_together_is_not_signed(file: Path, key: KeyFile, change, why: str) -> None:
    file.write_text(change(TEXT), newline="")
    done = sign(file.parent, "plan.txt", "--key", str(key.path), "--yes")
    assert (done.returncode, done.stdout) == (1, "")
    assert "not signed" in done.stderr
    assert why in done.stderr.replace("\n", " ")


def test_without_a_key_or_a_file_it_says_what_would_be_right(file: Path) -> None:
    assert "name one by --key" in sign(file.parent, "plan.txt").stderr.replace("\n", " ")
    assert "there is no key" in sign(file.parent, "plan.txt", "--key", "nowhere").stderr
    assert "cannot be read" in sign(file.parent, "other.txt").stderr
