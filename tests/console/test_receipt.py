"""Receipts: written of a store, checked without one, by the program and by hand."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.__main__ import app
from bot.console.receipt import receipt_of
from bot.domain.runs.run import RunState
from bot.domain.signatures.receipt import receipt_text
from tests.engine.phases.test_signing import ENDS, Keys, opened, text_of, under
from tests.engine.support.world import APPROVE, small_world, store_url
from tests.support.examples import GATE
from tests.support.signing import new_key

PAGE = (Path(__file__).parents[2] / "docs" / "receipts.md").read_text()
BLOCKS = [block for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) if "countersign receipt" not in block]
STEP = re.compile(r"\n[0-9a-f]{64} [^\n]*step_started[^\n]*")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    folder = tmp_path_factory.mktemp("keys")
    return Keys(*(new_key(folder, name) for name in ("bob", "eve", "amelie")))


@pytest.fixture(scope="module")
def receipts(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> dict[str, str]:
    """The receipts of a signed run, of one that was approved by an emoji, and of one that waits."""
    return asyncio.run(_made(tmp_path_factory.mktemp("store"), keys))


async def _made(folder: Path, keys: Keys) -> dict[str, str]:
    made = {}
    async with small_world(folder) as world:
        under(world, keys.signers())
        run = await opened(world, "Ev1")
        receipt = await receipt_of(run, world.store)
        assert receipt is not None
        made["waiting"] = receipt_text(receipt)
        await world.engine.sign(run.id, "U0BOB", keys.bob.sign(text_of(world, run)))
        signed = await world.until(run.id, *ENDS)
        under(world, keys.signers(), GATE)
        run = await opened(world, "Ev2")
        world.people.said["U0BOB"] = APPROVE
        plain = await world.until(run.id, *ENDS)
        for name, ended in (("signed", signed), ("plain", plain)):
            assert ended.state is RunState.SUCCEEDED
            receipt = await receipt_of(ended, world.store)
            assert receipt is not None
            made[name] = receipt_text(receipt)
        env = folder / ".env"
        env.write_text(f"STORE_URL={store_url(folder)}\nOPS_FILE={folder}/none\n")
        made["env"], made["run"] = str(env), signed.id
    return made


def check(file: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["receipt", "verify", str(file), *words])
    return done.exit_code, done.output


@pytest.mark.parametrize("name", ["signed", "plain", "waiting"])
def test_a_receipt_holds(receipts: dict[str, str], name: str, tmp_path: Path) -> None:
    file = tmp_path / "receipt.txt"
    file.write_text(receipts[name])
    status, said = check(file)
    assert (status, "holds" in said) == (0, True), said
    assert ("signed by U0BOB" in said) is (name == "signed")
    assert ("unanchored" in said) is (name == "waiting")


def test_the_program_writes_the_same_from_the_store(receipts: dict[str, str]) -> None:
    done = CliRunner().invoke(app, ["receipt", receipts["run"], "--env", receipts["env"]])
    assert (done.exit_code, done.stdout) == (0, receipts["signed"]), done.output
    assert CliRunner().invoke(app, ["receipt", "R-000000", "--env", receipts["env"]]).exit_code == 1
    assert CliRunner().invoke(app, ["receipt", "verify"]).exit_code == 2


def test_the_keys_can_be_ones_own(receipts: dict[str, str], keys: Keys, tmp_path: Path) -> None:
    file, signers = tmp_path / "receipt.txt", tmp_path / "signers"
    file.write_text(receipts["signed"])
    signers.write_text(f"U0BOB {keys.bob.public}")
    assert check(file, "--signers", str(signers))[0] == 0
    signers.write_text(f"U0BOB {keys.eve.public}U0EVE {keys.bob.public}")
    assert check(file, "--signers", str(signers))[0] == 1


SIGNATURE = re.compile(r"-----BEGIN SIGNATURE 1.*?-----END SIGNATURE 1 OF U0BOB-----\n", re.DOTALL)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("compte production", "compte staging", 1),
        lambda text: text.replace("gate_approved", "gate_rejected"),
        lambda text: text.replace("State    succeeded", "State    failed"),
        lambda text: re.sub(r"(Anchor   [0-9]+ )[0-9a-f]{8}", r"\g<1>00000000", text),
        lambda text: text.replace("U0BOB", "U0EVE"),
        lambda text: SIGNATURE.sub("", text),
        lambda text: STEP.sub("", text, count=1),
        lambda text: text.replace("-----BEGIN SIGNERS-----", "approved by everybody\n-----BEGIN SIGNERS-----"),
        lambda text: text[:-200],
        lambda text: "nothing",
        lambda text: text.replace("[changes]", "[reads]", 1),
    ],
)
def test_whatever_is_changed_is_found(receipts: dict[str, str], change: Callable[[str], str], tmp_path: Path) -> None:
    file = tmp_path / "receipt.txt"
    changed = change(receipts["signed"])
    assert changed != receipts["signed"]
    file.write_text(changed)
    status, said = check(file)
    assert (status, "does not hold" in said) == (1, True)


def by_hand(folder: Path, receipt: str) -> str:
    (folder / "receipt.txt").write_text(receipt)
    done = subprocess.run(["bash", "-c", "".join(BLOCKS)], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_it_is_checked_by_hand_as_the_page_says(receipts: dict[str, str], tmp_path: Path) -> None:
    signed = receipts["signed"]
    said = by_hand(tmp_path, signed)
    lines = said.splitlines()
    assert lines[0].split()[0] == lines[1].split()[1], "the digest of the plan"
    assert 'Good "countersign" signature for U0BOB' in said
    assert not re.search("changed:|does not", said)
    anchor = re.search(r"^Anchor +(.*)$", signed, re.MULTILINE)
    assert anchor is not None
    assert anchor[1] in lines
    assert "changed:" in by_hand(tmp_path, signed.replace("gate_approved", "gate_rejected"))
    assert "does not hold: SIGNATURE 1 OF U0BOB" in by_hand(tmp_path, signed.replace("[changes]", "[reads]", 1))
    assert "does not follow" in by_hand(tmp_path, STEP.sub("", signed, count=1))
