"""A backup whose file changed is called damaged from then on, wherever it lies, until it is proven again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.databases.backups.access import BackupAccess
from bot.databases.backups.restore import LoadPerformer
from bot.databases.backups.restore_script import RestoreStage
from bot.domain.backups.backup import Proof
from bot.domain.errors import Reason, problem
from bot.domain.runs.acts import Load, Prove
from bot.domain.secrets import Secret
from bot.domain.shell import Command
from bot.domain.targets.target import Backups
from bot.engine.ports import Done, Failed, Job, Outcome, Output
from bot.hosts.runner import Runner
from tests.databases.support.local import KeptOutput, prover
from tests.databases.support.rooms import BACKUP, FILE, Room, folder_of


def spoil(file: Path) -> bytes:
    """Flip a bit in the middle of a file, and give what it was."""
    was = file.read_bytes()
    changed = bytearray(was)
    changed[len(changed) // 2] ^= 1
    file.write_bytes(changed)
    return was


async def proof_of(room: Room) -> Proof:
    [kept] = (await room.catalog.backup_list(room.target)).backups
    return kept.proof


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("on_host", [False, True], ids=["in a store", "on the host"])
async def test_a_file_that_changed_is_damaged_until_it_is_proven_again(
    on_host: bool, in_directory: Room, tmp_path: Path
) -> None:
    room = in_directory
    if on_host:
        room = room.keeping(Backups(str(tmp_path / "on host")))
    await room.dumped()
    file = (tmp_path / "on host" if on_host else folder_of(room)) / FILE
    proving = room.proving
    prove = Prove(BACKUP, room.beside("proof"))
    assert isinstance(await proving.perform(room.job(prove), KeptOutput()), Done)
    assert await proof_of(room) is Proof.PROVEN
    was = spoil(file)
    for act in (prove, Prove(BACKUP, None)):
        outcome = await proving.perform(room.job(act), KeptOutput())
        assert isinstance(outcome, Failed)
        assert outcome.problem.facts["stage"] == RestoreStage.FILE.value
        assert await proof_of(room) is Proof.DAMAGED
    file.write_bytes(was)
    assert isinstance(await proving.perform(room.job(prove), KeptOutput()), Done)
    assert await proof_of(room) is Proof.PROVEN


class MisreadingRunner(Runner):
    """Reports that a file differs, whatever it is."""

    async def perform(
        self, job: Job, script: Command, directory: str, files: Mapping[str, Secret], output: Output
    ) -> Outcome:
        return Failed(problem(Reason.EXIT_STATUS), RestoreStage.FILE.exit_status)


@pytest.mark.usefixtures("filled")
async def test_what_was_only_read_badly_stays_what_it_is(in_directory: Room) -> None:
    room = in_directory
    facts = await room.dumped()
    before = await room.manifest()
    access = BackupAccess(MisreadingRunner(room.hosts), room.hosts, room.pipes)
    for performer, act in (
        (prover(access), Prove(BACKUP, room.beside("proof"))),
        (LoadPerformer(access), Load(BACKUP, facts["sha256"], room.beside("restore"))),
    ):
        outcome = await performer.perform(room.job(act), KeptOutput())
        assert isinstance(outcome, Failed)
        assert outcome.problem.facts["stage"] == RestoreStage.FILE.value
    assert await room.manifest() == before
