"""Dumps that the host keeps encrypted: by the real age, and never in the clear where that fails."""
# ruff: noqa: ASYNC221, ASYNC240 - nothing else waits while a test looks at its own small files

import hashlib
import subprocess
from dataclasses import replace
from pathlib import Path

import pyrage

from bot.databases.backups.dump_script import DumpStage
from bot.databases.backups.manifest import parse_manifest
from bot.demo.host.database import DemoDatabase
from bot.domain.targets.target import Backups as BackupSettings
from bot.domain.targets.target import Target
from tests.databases.support.local import KeptOutput, LocalHost, stand_in
from tests.databases.support.steps import BACKUP, done, failed, job_of, performer


async def test_what_the_host_keeps_is_encrypted_by_age(
    target: Target, filled: DemoDatabase, folder: Path, tmp_path: Path
) -> None:
    identity = pyrage.x25519.Identity.generate()
    target = replace(target, backups=BackupSettings(str(folder), encrypt_to=str(identity.to_public())))
    facts = done(await performer(LocalHost()).perform(job_of(target), KeptOutput()))
    assert facts["encrypted"] == "yes"
    assert sorted(path.name for path in folder.iterdir()) == [f"{BACKUP}.json", f"{BACKUP}.sql.zst.age"]
    manifest = parse_manifest((folder / f"{BACKUP}.json").read_bytes())
    key = tmp_path / "key"
    key.write_text(str(identity))
    opened = subprocess.run(
        ["age", "--decrypt", "--identity", str(key), str(folder / manifest.file)], capture_output=True, check=True
    ).stdout
    assert hashlib.sha256(opened).hexdigest() == manifest.packed_sha256
    text = subprocess.run(["zstd", "-dc"], input=opened, capture_output=True, check=True).stdout
    assert b"CREATE TABLE `people`" in text


async def test_without_age_nothing_is_written_in_the_clear(target: Target, filled: DemoDatabase, folder: Path) -> None:
    target = replace(target, backups=BackupSettings(str(folder), encrypt_to="age1x"))
    facts = failed(await performer(LocalHost(without=("age",))).perform(job_of(target), KeptOutput()), DumpStage.TOOLS)
    assert "age is not installed" in facts["detail"]
    assert list(folder.iterdir()) == []


async def test_an_encryption_that_fails_is_no_backup(
    target: Target, filled: DemoDatabase, folder: Path, tmp_path: Path
) -> None:
    target = replace(target, backups=BackupSettings(str(folder), encrypt_to="age1wrong"))
    failed(await performer(LocalHost()).perform(job_of(target), KeptOutput()), DumpStage.ENCRYPT)
    path = stand_in(tmp_path / "bin", "age", "head -c 100; cat >/dev/null; exit 3")
    failed(await performer(LocalHost(path)).perform(job_of(target), KeptOutput()), DumpStage.ENCRYPT)
    assert list(folder.iterdir()) == []
