"""`/backup restore`: what is planned, and what is refused."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.databases.backups.manifest import Manifest
from bot.domain.backups.backup import BackupInfo, BackupList, Proof, Purpose
from bot.domain.errors import Reason, RefusedError
from bot.domain.policies.policy import MINIMUM_REQUIREMENT
from bot.domain.runs.acts import Dump, Load, Swap
from bot.domain.runs.plan import Phase, Plan, Risk
from bot.domain.runs.plan_json import plan_from_json, plan_to_json
from bot.domain.runs.request import Action, Decision, RestoreBackup, ResumeOptions
from bot.domain.runs.run import RunState
from bot.domain.targets.privileges import Capability, MissingPrivilege
from bot.domain.targets.scratch import ScratchBeside
from bot.domain.targets.target import Target
from bot.recipes.load import load_recipe
from commands.backup_restore import RestoreSubcommand
from tests.support.examples import HOST, NAME, NOON, REQUEST, RUN, TARGET, Sight

RESTORE = RestoreSubcommand({NAME: load_recipe("laravel", Path())})
ID = "B-20261116-7K3F9Q"
MANIFEST = Manifest(
    ID, NAME.app, NAME.environment, "compte", f"{ID}.sql.zst", 1000, "a" * 64, 0, NOON.isoformat(), "10.11",
    ("users",), Proof.PROVEN, "R-7K3F9Q", Purpose.ASKED, proven_at=NOON.isoformat(), restore_seconds=12,
    rows={"users": (5, "1", 5, "1")}, objects=("view adults",),
)  # fmt: skip
KEPT = MANIFEST.info()
REQUESTED = replace(RUN, request=replace(REQUEST, options=RestoreBackup(ID)))
assert TARGET.database is not None
SCRATCH = replace(TARGET, database=replace(TARGET.database, scratch=ScratchBeside()))


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
    again = await RESTORE.basis(plan, REQUESTED, SCRATCH, sight(replace(MANIFEST, sha256="b" * 64).info()))
    assert [name for name, _, _ in plan.basis.differences(again)] == ["backup"]
    assert HOST.maintenance is False


@pytest.mark.parametrize(
    "change",
    [
        {"packed_sha256": "b" * 64},
        {"chosen": ("users",)},
        {"tables": ("users", "evil")},
        {"rows": {"users": (0, "0", 0, "0")}},
        {"rows": {}},
        {"objects": None},
        {"started": (NOON - timedelta(days=1)).isoformat()},
        {"bytes": 1001},
        {"file": f"{ID}.sql.gz"},
        {"encrypted_to": "age1x"},
        {"server": "8.4"},
    ],
)
async def test_a_manifest_that_changed_voids_the_approval(change: dict[str, Any]) -> None:
    plan = await planned(sight())
    [load, swap] = [step.act for step in plan.steps if isinstance(step.act, Load | Swap)]
    assert load.manifest == swap.manifest == MANIFEST.stable_sha256
    again = await RESTORE.basis(plan, REQUESTED, SCRATCH, sight(replace(MANIFEST, **change).info()))
    assert [name for name, _, _ in plan.basis.differences(again)] == ["backup"]


async def test_a_new_proof_leaves_the_approval_as_it_is() -> None:
    plan = await planned(sight())
    proof = {"proven_at": (NOON + timedelta(days=1)).isoformat(), "restore_seconds": 13}
    again = await RESTORE.basis(plan, REQUESTED, SCRATCH, sight(replace(MANIFEST, **proof).info()))  # type: ignore[arg-type]  # by name
    assert plan.basis.differences(again) == ()


async def test_an_approval_that_is_bound_to_no_manifest_is_not_resumed() -> None:
    plan = await planned(sight())
    steps = tuple(
        replace(s, act=replace(s.act, manifest=None)) if isinstance(s.act, Load | Swap) else s for s in plan.steps
    )
    look = sight()
    look.runs[RUN.id] = replace(REQUESTED, state=RunState.NEEDS_HUMAN, plan=replace(plan, steps=steps))
    resumes = ResumeOptions(Action.RESTORE, RUN.id, Decision.RETRY)
    resumed = replace(RUN, id="R-RESUME", request=replace(REQUEST, options=resumes))
    with pytest.raises(RefusedError) as refusal:
        await RESTORE.plan(resumed, SCRATCH, look)
    assert refusal.value.problem.reason is Reason.OLDER_VERSION
    look.runs[RUN.id] = replace(look.runs[RUN.id], plan=plan)
    assert isinstance(await RESTORE.plan(resumed, SCRATCH, look), Plan)


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


LACKS = MissingPrivilege(Capability.RESTORE, "TRIGGER", "`compte`.*")
LACKS_FOR_TRIGGERS = MissingPrivilege(Capability.RESTORE, "SUPER", "*.*", kinds=frozenset({"trigger"}))


@pytest.mark.parametrize(
    ("missing", "objects", "refused"),
    [
        ((), ("trigger grow",), False),
        ((LACKS,), (), True),
        ((MissingPrivilege(Capability.BACKUP, "EVENT", "`compte`.*"),), ("event tidy",), False),
        ((LACKS_FOR_TRIGGERS,), ("view adults",), False),
        ((LACKS_FOR_TRIGGERS,), ("trigger grow",), True),
        ((LACKS_FOR_TRIGGERS,), None, True),
    ],
)
async def test_what_the_account_may_not_do_is_known_before_anybody_is_asked(
    missing: tuple[MissingPrivilege, ...], objects: tuple[str, ...] | None, refused: bool
) -> None:
    look = sight(replace(KEPT, objects=objects))
    look.missing = missing
    if not refused:
        assert await planned(look)
        return
    with pytest.raises(RefusedError) as caught:
        await planned(look)
    assert caught.value.problem.reason is Reason.NOT_RESTORABLE
    assert str(missing[0]) in caught.value.problem.facts["detail"]
