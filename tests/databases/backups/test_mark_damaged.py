"""A backup whose file changed is called damaged from then on, wherever it lies, until it is proven again."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.databases.backups.dump import DumpPerformer
from bot.databases.backups.mark_damaged import Condemning
from bot.databases.backups.restore_script import Stage
from bot.databases.backups.verify import ProvePerformer, not_restorable
from bot.domain.backups.backup import Proof
from bot.domain.runs.acts import Dump, Load, Prove
from bot.domain.targets.target import Backups
from bot.engine.ports import Done, Failed, Job, Outcome, Output
from tests.databases.support.local import KeptOutput
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
        made = await DumpPerformer(room.runner, room.hosts).perform(room.job(Dump(BACKUP)), KeptOutput())
        assert isinstance(made, Done), made
        file = tmp_path / "on host" / FILE
        proving = Condemning(ProvePerformer(room.runner, room.hosts), room.catalog, room.stores.backup_reader)
    else:
        await room.dumped()
        file = folder_of(room) / FILE
        proving = Condemning(room.proving, room.catalog, room.stores.backup_reader)
    prove = Prove(BACKUP, room.beside("proof"))
    assert isinstance(await proving.perform(room.job(prove), KeptOutput()), Done)
    assert await proof_of(room) is Proof.PROVEN
    was = spoil(file)
    for act in (prove, Prove(BACKUP, None)):
        outcome = await proving.perform(room.job(act), KeptOutput())
        assert isinstance(outcome, Failed)
        assert outcome.problem.facts["stage"] == Stage.FILE.value
        assert await proof_of(room) is Proof.DAMAGED
    file.write_bytes(was)
    assert isinstance(await proving.perform(room.job(prove), KeptOutput()), Done)
    assert await proof_of(room) is Proof.PROVEN


class Misread(ProvePerformer):
    """Says that a file differs, whatever it is."""

    async def resume(self, job: Job, output: Output) -> Outcome:
        return not_restorable(BACKUP, Stage.FILE, "read badly")


@pytest.mark.usefixtures("filled")
async def test_what_was_only_read_badly_stays_what_it_is(in_directory: Room) -> None:
    room = in_directory
    facts = await room.dumped()
    before = await room.manifest()
    condemning = Condemning(Misread(room.runner, room.hosts), room.catalog, room.stores.backup_reader)
    for act in (Prove(BACKUP, None), Load(BACKUP, facts["sha256"], room.beside("restore"))):
        assert isinstance(await condemning.resume(room.job(act), KeptOutput()), Failed)
    assert await room.manifest() == before
