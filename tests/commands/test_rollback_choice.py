"""Which of three ways back is proposed, and why."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.backups.backup import BackupInfo, BackupList, Proof, Purpose
from bot.domain.errors import Reason, RefusedError
from bot.domain.runs.findings import MigrationFinding, OldCode, RollbackReason, RollbackWay, UnknownFinding
from bot.domain.runs.migration_risk import DownMethod, EffectKind, MigrationRisk
from bot.domain.runs.plan import Plan
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.scratch import ScratchBeside
from bot.domain.targets.target import Target
from commands.rollback_choice import MigrationRecord, choose, find_backup_before, migration_records
from tests.support.examples import NAME, NOON, REQUEST, RUN, TARGET, Sight

KEPT = BackupInfo(
    "B-1", "R-AAAAAA", Purpose.BEFORE, NOON, "compte", "10.11", ("users",), (), 1000, "a" * 64, Proof.PROVEN
)
ADDS = MigrationRecord("add", True, DownMethod.YES, "", ())
UNSEEN = MigrationRecord("unseen", False, DownMethod.UNKNOWN, "", ())
NO_DOWN = MigrationRecord("no_down", True, DownMethod.MISSING, "", ())
EMPTY_DOWN_BREAKS = MigrationRecord("breaks", True, DownMethod.EMPTY, "", ("users.name",))
EMPTY_DOWN_UNSEEN = MigrationRecord("hidden", False, DownMethod.EMPTY, "", ())
DROPS = MigrationRecord("drops", True, DownMethod.YES, "users.fax", ("users.fax",))
DELETES = MigrationRecord("deletes", True, DownMethod.EMPTY, "user_sessions", ())


@pytest.mark.parametrize(
    ("found", "backup", "way", "why"),
    [
        ((), None, RollbackWay.CODE, RollbackReason.SAME_SCHEMA),
        ((ADDS,), KEPT, RollbackWay.CODE_AND_MIGRATIONS, RollbackReason.NEWER_MIGRATIONS),
        ((ADDS, UNSEEN), KEPT, RollbackWay.CODE_AND_MIGRATIONS, RollbackReason.NEWER_MIGRATIONS),
        ((NO_DOWN, ADDS), KEPT, RollbackWay.CODE, RollbackReason.COMPATIBLE),
        ((NO_DOWN, UNSEEN), KEPT, RollbackWay.RESTORE, RollbackReason.NO_WAY_BACK),
        ((EMPTY_DOWN_BREAKS,), KEPT, RollbackWay.RESTORE, RollbackReason.NO_WAY_BACK),
        ((DROPS,), KEPT, RollbackWay.RESTORE, RollbackReason.DESTROYED),
        ((DELETES,), KEPT, RollbackWay.RESTORE, RollbackReason.DESTROYED),
        ((DROPS, ADDS), None, RollbackWay.CODE_AND_MIGRATIONS, RollbackReason.LOST),
        ((DELETES,), None, RollbackWay.CODE, RollbackReason.LOST),
    ],
)
def test_the_way_and_its_reason(
    found: tuple[MigrationRecord, ...], backup: BackupInfo | None, way: RollbackWay, why: RollbackReason
) -> None:
    choice = choose(found, backup)
    assert (choice.way, choice.why) == (way, why)
    assert choice.backup == (backup if way is RollbackWay.RESTORE else None)


@pytest.mark.parametrize("found", [(EMPTY_DOWN_BREAKS,), (EMPTY_DOWN_UNSEEN,), (DROPS, EMPTY_DOWN_BREAKS)])
def test_where_no_way_is_known_to_be_good_nothing_is_proposed(found: tuple[MigrationRecord, ...]) -> None:
    with pytest.raises(RefusedError) as refusal:
        choose(found, None)
    assert refusal.value.problem.reason is Reason.NO_WAY_BACK


def test_what_the_deploy_told_of_its_migrations() -> None:
    told = MigrationFinding("drops", MigrationRisk.DESTRUCTIVE, what="users.fax", down=DownMethod.YES, preview=True)
    breaks = OldCode("drops", EffectKind.COLUMN_DROPPED, "users.fax")
    plan = Plan(REQUEST, (), pending=("drops",), findings=(told, breaks))
    assert migration_records(("drops", "by_hand"), [plan]) == (
        DROPS,
        MigrationRecord("by_hand", False, DownMethod.UNKNOWN, "", ()),
    )
    unread = UnknownFinding("migration", {"name": "drops", "risk": "destructive", "what": "users.fax"})
    assert migration_records(("drops",), [replace(plan, findings=(unread,))]) == (
        MigrationRecord("drops", False, DownMethod.UNKNOWN, "drops", ()),
    )


def run(name: str, minutes: int, *pending: str) -> Run:
    at = NOON + timedelta(minutes=minutes)
    plan = Plan(REQUEST, (), pending=pending)
    return replace(
        RUN, id=name, plan=plan, state=RunState.SUCCEEDED, change_started_at=at, ended_at=at + timedelta(minutes=1)
    )


RUNS = (run("R-CCCCCC", 60, "newest"), run("R-BBBBBB", 30), run("R-AAAAAA", 10, "older"))
SCRATCH = replace(TARGET, database=replace(TARGET.database, scratch=ScratchBeside())) if TARGET.database else TARGET


def at(minutes: float, **changes: object) -> BackupInfo:
    return replace(KEPT, backup=f"B-{minutes}", run="R-SOMEONE", started=NOON + timedelta(minutes=minutes), **changes)


async def found(*kept: BackupInfo, undo: tuple[str, ...] = ("newest",), target: Target = SCRATCH) -> str | None:
    look = Sight()
    look.runs = {one.id: one for one in RUNS}
    look.backup_list = BackupList(NAME.app, NAME.environment, kept)
    backup = await find_backup_before(undo, target, look)
    return backup.backup if backup is not None else None


@pytest.mark.parametrize(
    ("kept", "undo", "wanted"),
    [
        ([at(55), at(50), at(70)], ("newest",), "B-55"),
        # from before the release before had its own schema
        ([at(5)], ("newest",), None),
        ([at(70)], ("newest",), None),
        ([at(5)], ("newest", "older"), "B-5"),
        # the deploy's own, whatever the host's clock says
        ([at(55), replace(at(61), run="R-CCCCCC")], ("newest",), "B-61"),
        ([at(55, proof=Proof.REFUTED), at(54, chosen=("users",)), at(53, purpose=Purpose.SAFETY)], ("newest",), None),
        ([at(55, database="another")], ("newest",), None),
        ([at(55)], ("newest", "by_hand"), None),
    ],
)
async def test_the_backup_from_before(kept: list[BackupInfo], undo: tuple[str, ...], wanted: str | None) -> None:
    assert await found(*kept, undo=undo) == wanted


@pytest.mark.parametrize("target", [TARGET, replace(SCRATCH, backups=None), replace(SCRATCH, database=None)])
async def test_where_none_can_be_put_back_none_is_looked_for(target: Target) -> None:
    assert await found(at(55), target=target) is None
