"""Backups by mydumper that do not come back: what myloader does not say, and a host without it."""

from pathlib import Path

import pytest

from bot.databases.backups.restore_script import ProofPlaces, RestoreStage, SentBackup, proof_job
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.backups.backup import Proof
from bot.domain.targets.target import Target
from bot.engine.ports import Done
from tests.databases.backups.mydumper.large import FILE, left_in, made
from tests.databases.support.contents import databases_beside
from tests.databases.support.local import KeptOutput, LocalHost, access_to, prover, stand_in
from tests.databases.support.manifests import manifest_of
from tests.databases.support.steps import BACKUP, prove_job, refused


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ('/usr/bin/myloader "$@"; exit 1', RestoreStage.REFUTED),
        (
            '/usr/bin/myloader "$@"; echo "** (myloader:1): CRITICAL **: Error restoring x.y: what" >&2',
            RestoreStage.REFUTED,
        ),
        (
            'echo "** (myloader:1): CRITICAL **: Error restoring x: MySQL server has gone away" >&2',
            RestoreStage.INTERRUPTED,
        ),
        ("exit 0", RestoreStage.REFUTED),
        (
            'echo "** (myloader:1): CRITICAL **: Error restoring x: Deadlock found when trying to get lock" >&2',
            RestoreStage.INTERRUPTED,
        ),
    ],
)
async def test_a_restore_that_failed_is_found_out(
    text: str, stage: RestoreStage, filled: DemoDatabase, target: Target, folder: Path, host: LocalHost,
    mariadb: DatabaseServer, tmp_path: Path,
) -> None:  # fmt: skip
    await made(host, target)
    path = stand_in(
        tmp_path / "bin", "myloader", f'case "$*" in *--help*) exec /usr/bin/myloader --help ;; esac\n{text}'
    )
    other = LocalHost(path)
    refused(await prover(access_to(other)).perform(prove_job(target), KeptOutput()), stage)
    expected = Proof.REFUTED if stage is RestoreStage.REFUTED else Proof.CHECKED
    assert manifest_of(target).proof is expected
    assert left_in(folder) == {FILE, f"{BACKUP}.json"}
    assert await databases_beside(mariadb, target) == []


async def test_threads_that_are_in_each_others_way_are_followed_by_one_alone(
    filled: DemoDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer, tmp_path: Path
) -> None:
    await made(host, target)
    path = stand_in(
        tmp_path / "bin", "myloader",
        '/usr/bin/myloader "$@" || exit\n'
        'case "$*" in *--help*|*--threads=1*) exit ;; esac\n'
        'echo "** (myloader:1): CRITICAL **: Error restoring x: Deadlock found when trying to get lock" >&2',
    )  # fmt: skip
    other = LocalHost(path)
    outcome = await prover(access_to(other)).perform(prove_job(target), KeptOutput())
    assert isinstance(outcome, Done), outcome
    assert manifest_of(target).proof is Proof.PROVEN
    assert await databases_beside(mariadb, target) == []


async def test_without_myloader_it_is_refused_and_said(
    filled: DemoDatabase, target: Target, folder: Path, host: LocalHost
) -> None:
    await made(host, target)
    other = LocalHost(without=("myloader",))
    detail = refused(await prover(access_to(other)).perform(prove_job(target), KeptOutput()), RestoreStage.TOOLS)
    assert "myloader is not installed" in detail
    assert manifest_of(target).proof is Proof.CHECKED


async def test_without_myloader_nobody_is_asked_to_approve_a_restore(
    filled: DemoDatabase, target: Target, host: LocalHost
) -> None:
    await made(host, target)
    before_the_gate = prove_job(target, scratch=False)
    assert isinstance(await prover(access_to(host)).perform(before_the_gate, KeptOutput()), Done)
    other = LocalHost(without=("myloader",))
    refused(await prover(access_to(other)).perform(before_the_gate, KeptOutput()), RestoreStage.TOOLS)


async def test_one_that_the_bot_would_have_to_send_is_refused(
    filled: DemoDatabase, target: Target, host: LocalHost
) -> None:
    await made(host, target)
    assert target.database is not None
    with pytest.raises(ValueError, match="mydumper"):
        proof_job(
            manifest_of(target),
            SentBackup("x.in", b"{}"),
            target.database,
            ProofPlaces(beside=f"{filled.name}_countersign_proof_a"),
            1,
        )
