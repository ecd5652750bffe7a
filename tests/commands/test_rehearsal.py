"""Which backup migrations are rehearsed on."""

from dataclasses import replace

import pytest

from bot.domain.backups.backup import BackupInfo, BackupList, Proof, Purpose
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.targets.scratch import ScratchBeside
from bot.domain.targets.target import RehearseOn, Target
from commands.rehearsal import backup_to_rehearse_on
from tests.support.examples import NAME, NOON, TARGET, Sight

KEPT = BackupInfo(
    "B-20261115-AAAAAA", "R-AAAAAA", Purpose.SCHEDULED, NOON, "compte", "", ("users",), (), 9, "0" * 64, Proof.PROVEN
)
OLDER = replace(KEPT, backup="B-20261114-AAAAAA", proof=Proof.CHECKED)
assert TARGET.database is not None
ON_DATA = replace(TARGET, database=replace(TARGET.database, scratch=ScratchBeside(), rehearse=RehearseOn.DATA))


def with_backups(*backups: BackupInfo) -> Sight:
    look = Sight()
    look.backup_list = BackupList(NAME.app, NAME.environment, backups)
    return look


@pytest.mark.parametrize(
    ("backups", "chosen"),
    [
        ((KEPT, OLDER), KEPT.backup),
        ((replace(KEPT, proof=Proof.REFUTED), OLDER), OLDER.backup),
        ((replace(KEPT, chosen=("users",)), OLDER), OLDER.backup),
        ((replace(KEPT, database="before_it_was_renamed"), OLDER), OLDER.backup),
        ((), None),
    ],
)
async def test_it_is_the_newest_whole_one_that_is_not_known_to_be_bad(
    backups: tuple[BackupInfo, ...], chosen: str | None
) -> None:
    assert await backup_to_rehearse_on(ON_DATA, with_backups(*backups), None, 1) == chosen


async def test_one_dated_in_the_future_is_not_the_newest() -> None:
    look = with_backups(KEPT, OLDER)
    look.backup_list = replace(look.backup_list, future_dated=frozenset({KEPT.backup}))
    assert await backup_to_rehearse_on(ON_DATA, look, None, 1) == OLDER.backup


@pytest.mark.parametrize(
    ("target", "made", "migrations", "chosen"),
    [
        (ON_DATA, "B-OWN", 1, "B-OWN"),
        (ON_DATA, "B-OWN", 0, None),
        (TARGET, "B-OWN", 1, None),
        (replace(TARGET, database=None), "B-OWN", 1, None),
    ],
)
async def test_the_one_that_the_run_itself_makes_is_the_newest(
    target: Target, made: str, migrations: int, chosen: str | None
) -> None:
    assert await backup_to_rehearse_on(target, with_backups(KEPT), made, migrations) == chosen


async def test_backups_that_cannot_be_read_stop_no_deploy() -> None:
    class Unreadable(Sight):
        async def backups(self) -> BackupList:
            raise RefusedError(problem(Reason.BACKUP_IMPOSSIBLE))

    assert await backup_to_rehearse_on(ON_DATA, Unreadable(), None, 1) is None
