"""`/backup restore`: what is planned, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.backups.backup import BackupInfo, BackupList, Proof, Purpose
from bot.domain.errors import Reason, RefusedError
from bot.domain.policies.policy import MINIMUM_REQUIREMENT
from bot.domain.runs.acts import Dump
from bot.domain.runs.plan import Phase, Plan, Risk
from bot.domain.runs.plan_json import plan_from_json, plan_to_json
from bot.domain.runs.request import RestoreBackup
from bot.domain.targets.target import Target
from bot.recipes.load import load_recipe
from commands.backup_restore import RestoreSubcommand
from tests.support.examples import HOST, NAME, NOON, REQUEST, RUN, TARGET, Sight

RESTORE = RestoreSubcommand({NAME: load_recipe("laravel", Path())})
ID = "B-20261116-7K3F9Q"
KEPT = BackupInfo(
    ID, "R-7K3F9Q", Purpose.ASKED, NOON, "compte", "10.11", ("users",), (), 1000, "a" * 64, Proof.PROVEN, NOON, 12
)
REQUESTED = replace(RUN, request=replace(REQUEST, options=RestoreBackup(ID)))
assert TARGET.database is not None
SCRATCH = replace(TARGET, database=replace(TARGET.database, scratch=True))


def sight(kept: BackupInfo = KEPT) -> Sight:
    look = Sight()
    look.backup_list = BackupList(NAME.app, NAME.environment, (kept,))
    return look


async def planned(look: Sight, target: Target = SCRATCH) -> Plan:
    answer = await RESTORE.plan(REQUESTED, target, look)
    assert isinstance(answer, Plan)
    return answer


async def test_the_order_of_a_restore() -> None:
    plan = await planned(sight())
    assert [step.key for step in plan.of(Phase.PREPARE)] == ["backup-check"]
    change = [step.key for step in plan.of(Phase.CHANGE)]
    assert change == ["maintenance-on", "backup", "restore-load", "restore-swap", "restore-tidy", "maintenance-off"]
    assert [step.key for step in plan.of(Phase.VERIFY)] == ["health"]
    assert [step.key for step in plan.steps if step.risk is Risk.DESTROYS] == ["restore-swap"]
    assert plan.requirement == MINIMUM_REQUIREMENT
    assert plan_from_json(plan_to_json(plan)) == plan
    safety = next(step.act for step in plan.steps if step.key == "backup")
    assert isinstance(safety, Dump)
    assert (safety.backup[:2], safety.purpose) == ("S-", Purpose.SAFETY)


async def test_a_site_that_is_down_already_stays_down() -> None:
    look = sight()
    look.moves("web1", maintenance=True)
    keys = [step.key for step in (await planned(look)).steps]
    assert keys == ["backup-check", "backup", "restore-load", "restore-swap", "restore-tidy"]


async def test_a_file_that_changed_voids_the_approval() -> None:
    plan = await planned(sight())
    again = await RESTORE.basis(plan, REQUESTED, SCRATCH, sight(replace(KEPT, sha256="b" * 64)))
    assert [name for name, _, _ in plan.basis.differences(again)] == ["backup"]
    assert HOST.maintenance is False


@pytest.mark.parametrize(
    ("target", "kept", "reason", "said"),
    [
        (SCRATCH, replace(KEPT, backup="B-20261116-AAAAAA"), Reason.UNKNOWN_BACKUP, ID),
        (SCRATCH, replace(KEPT, proof=Proof.REFUTED), Reason.NOT_RESTORABLE, "does not restore"),
        (SCRATCH, replace(KEPT, database="another"), Reason.NOT_RESTORABLE, "another"),
        (SCRATCH, replace(KEPT, encrypted=True), Reason.NOT_RESTORABLE, "backups.identity"),
        (TARGET, KEPT, Reason.NOT_RESTORABLE, "scratch: true"),
        (replace(SCRATCH, backups=None), KEPT, Reason.BACKUP_IMPOSSIBLE, "backups"),
    ],
)
async def test_what_cannot_be_restored_is_answered(target: Target, kept: BackupInfo, reason: Reason, said: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        await planned(sight(kept), target)
    assert refusal.value.problem.reason is reason
    assert said in " ".join(refusal.value.problem.facts.values())
