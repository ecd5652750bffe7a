"""Encrypted backups that the bot opens: those it keeps itself, and those of a host that cannot read them."""
# ruff: noqa: ASYNC221 - nothing else waits while a test looks at its own small files

import subprocess
from dataclasses import replace
from pathlib import Path

import pyrage
import pytest

from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from bot.domain.runs.acts import Dump
from bot.domain.secrets import Secret
from bot.domain.targets.target import Backups
from bot.engine.ports import Done, Failed
from tests.databases.support.contents import databases_beside
from tests.databases.support.local import KeptOutput
from tests.databases.support.rooms import BACKUP, FILE, Room, kept_in


@pytest.mark.usefixtures("filled")
async def test_an_encrypted_backup_is_opened_by_the_key_alone(room: Room, tmp_path: Path, ssh_host: DemoHost) -> None:
    identity = pyrage.x25519.Identity.generate()
    assert room.target.backups is not None
    sealed = replace(room.target.backups, encrypt_to=str(identity.to_public()))
    room.target = replace(room.target, backups=sealed)
    facts = await room.dumped()
    assert facts["encrypted"] == "yes"
    assert await kept_in(room) == [f"{BACKUP}.json", f"{FILE}.age"]

    key, file = tmp_path / "key", tmp_path / "file"
    key.write_text(str(identity))
    async with room.storage.read(f"{FILE}.age") as chunks:
        file.write_bytes(b"".join([chunk async for chunk in chunks]))
    opened = subprocess.run(["age", "--decrypt", "--identity", str(key), str(file)], capture_output=True, check=True)
    text = subprocess.run(["zstd", "-dc"], input=opened.stdout, capture_output=True, check=True).stdout
    assert b"-- Dump completed" in text

    refused = await room.proved()
    assert isinstance(refused, Failed)
    assert "backups.identity" in refused.problem.facts["detail"]
    assert (await room.manifest())["proof"] == "checked"

    room.target = replace(room.target, backups=replace(sealed, identity=Secret(str(identity))))
    proven = await room.proved()
    assert isinstance(proven, Done), proven
    assert proven.facts["proof"] == "proven"
    assert not [
        path for path in ssh_host.home.rglob("*") if path.is_file() and str(identity).encode() in path.read_bytes()
    ]

    other = Secret(str(pyrage.x25519.Identity.generate()))
    room.target = replace(room.target, backups=replace(sealed, identity=other))
    wrong = await room.proved()
    assert isinstance(wrong, Failed)
    assert "cannot be decrypted" in wrong.problem.facts["detail"]
    assert (await room.manifest())["proof"] == "proven", "a wrong key refutes nothing"


@pytest.mark.usefixtures("filled")
async def test_what_a_host_keeps_encrypted_is_proven_by_the_bot_alone(
    in_directory: Room, tmp_path: Path, mariadb: DatabaseServer
) -> None:
    room, identity = in_directory, pyrage.x25519.Identity.generate()
    kept = Backups(str(tmp_path / "on host"), encrypt_to=str(identity.to_public()), identity=Secret(str(identity)))
    room.target = replace(room.target, backups=kept)
    made = await room.dumping.perform(room.job(Dump(BACKUP)), KeptOutput())
    assert isinstance(made, Done), made
    assert made.facts["encrypted"] == "yes"
    proven = await room.proved()
    assert isinstance(proven, Done), proven
    assert proven.facts["proof"] == "proven"
    assert await kept_in(room) == [f"{BACKUP}.json", f"{FILE}.age"]
    assert (await room.manifest())["proof"] == "proven"
    assert await databases_beside(mariadb, room.target) == []
