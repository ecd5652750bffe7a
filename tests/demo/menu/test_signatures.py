"""Asking for signatures in the demonstration: the file says so, the bot starts anew, and the printed command signs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ruamel.yaml import YAML

from bot.config.operations import load_operations
from bot.demo.errors import DemoError
from bot.demo.menu.signatures import Signatures
from bot.demo.operations import write_operations
from bot.demo.people import PeopleKeys
from bot.demo.workspace import RELEASER
from bot.domain.signatures.signer_keys import read_key
from tests.config.support.example import accept


def content(keys: PeopleKeys) -> dict[str, Any]:
    found = YAML(typ="safe").load(Path("ops.example.yaml").read_text())
    return {**found, "signers": dict(keys.signers)}


@pytest.fixture
def keys(tmp_path: Path) -> PeopleKeys:
    return PeopleKeys(tmp_path / "people")


def signed(file: Path) -> set[bool]:
    loaded = load_operations(file.read_text(), file, {"COMPTE_DB_PASSWORD": "x"}, accept)
    policies = {target.policy.name: target.policy for target in loaded.targets.values()}
    return {asked.signed for policy in policies.values() for asked in policy.approve.values()}


async def test_the_file_asks_for_signatures_and_no_longer(tmp_path: Path, keys: PeopleKeys) -> None:
    file, stops = tmp_path / "ops.yaml", []
    write_operations(file, content(keys))
    bot: Any = SimpleNamespace(running=True, stop=lambda: stops.append(1))
    signatures = Signatures(file, bot, keys, "http://127.0.0.1:1/")
    assert keys.command(RELEASER) in await signatures.ask()
    assert signed(file) == {True}
    await signatures.ask_no_more()
    assert signed(file) == {False}
    assert len(stops) == 2
    bot.running = False
    with pytest.raises(DemoError):
        await signatures.ask()
    assert signed(file) == {False}


def test_each_key_is_its_owners_alone_and_the_public_half_is_known(keys: PeopleKeys, tmp_path: Path) -> None:
    file = Path(keys.command(RELEASER).rpartition(" ")[2])
    assert file.stat().st_mode & 0o777 == 0o600
    printed = subprocess.run(["ssh-keygen", "-y", "-f", str(file)], capture_output=True, text=True, check=True)
    assert [read_key(line).line for line in keys.signers[RELEASER]] == [read_key(printed.stdout).line]
