"""`/backup drop-old`: what is planned, and what is refused."""

from dataclasses import replace

import pytest

from bot.domain.backups.backup import BackupList, Proof, Purpose
from bot.domain.backups.leftovers import Leftover, LeftoverKind, leftovers_of
from bot.domain.errors import Reason, RefusedError
from bot.domain.policies.policy import MINIMUM_REQUIREMENT
from bot.domain.runs.acts import DropOld, Dump
from bot.domain.runs.findings import OldTables
from bot.domain.runs.plan import NothingToDo, Phase, Plan, Risk, Step
from bot.domain.runs.plan_json import plan_from_json, plan_to_json
from bot.domain.runs.request import DropLeftover
from bot.domain.runs.run import Run, RunState
from commands.backup_drop_old import DropOldSubcommand
from tests.commands.test_backup_restore import ID, KEPT, REQUESTED
from tests.support.examples import NAME, NOON, REQUEST, RUN, TARGET, Sight

OLD = Leftover("compte_countersign_before_aaaaaa", LeftoverKind.REPLACED, "R-AAAAAA", 5, 1000)
OLDER = Leftover("compte_countersign_before_bbbbbb", LeftoverKind.REPLACED, "R-BBBBBB", 4, 900)
SAFETY = replace(KEPT, backup="S-20261116-AAAAAA", purpose=Purpose.SAFETY)
PLANNER = DropOldSubcommand()


def asked(name: str = "") -> Run:
    return replace(RUN, request=replace(REQUEST, options=DropLeftover(name or None)))


def sight(*left: Leftover) -> Sight:
    look = Sight()
    look.left = left
    dump = Step("backup", "", Phase.CHANGE, ("web1",), Risk.READS, 1, Dump(SAFETY.backup, (), Purpose.SAFETY))
    plan = Plan(REQUESTED.request, (dump,))
    look.runs["R-AAAAAA"] = replace(REQUESTED, id="R-AAAAAA", state=RunState.SUCCEEDED, ended_at=NOON, plan=plan)
    look.backup_list = BackupList(NAME.app, NAME.environment, (SAFETY,))
    return look


async def planned(run: Run, look: Sight) -> Plan:
    answer = await PLANNER.plan(run, TARGET, look)
    assert isinstance(answer, Plan)
    return answer


async def test_the_only_one_needs_no_name_and_has_the_gate_of_a_restore() -> None:
    plan = await planned(asked(), sight(OLD))
    [step] = plan.steps
    assert (step.act, step.risk) == (DropOld(OLD.database, 5), Risk.DESTROYS)
    assert plan.requirement == MINIMUM_REQUIREMENT
    assert plan.destructive
    assert plan_from_json(plan_to_json(plan)) == plan


async def test_it_says_what_goes_from_which_restore_and_what_still_holds_it() -> None:
    [finding] = (await planned(asked(), sight(OLD))).findings
    assert finding == OldTables(
        OLD.database,
        LeftoverKind.REPLACED,
        5,
        OLD.bytes,
        "R-AAAAAA",
        ID,
        NOON,
        "succeeded",
        SAFETY.backup,
        Proof.PROVEN,
    )


async def test_a_restore_that_nobody_remembers_and_a_safety_backup_that_is_gone_are_not_made_up() -> None:
    look = sight(OLDER)
    [finding] = (await planned(asked(), look)).findings
    assert isinstance(finding, OldTables)
    assert (finding.backup, finding.state, finding.safety) == ("", "", "")
    look = sight(OLD)
    look.backup_list = BackupList(NAME.app, NAME.environment, ())
    [finding] = (await planned(asked(), look)).findings
    assert isinstance(finding, OldTables)
    assert (finding.backup, finding.safety) == (ID, "")


@pytest.mark.parametrize("name", [OLDER.database, OLDER.database.upper(), "R-BBBBBB", "r-bbbbbb"])
async def test_of_several_the_named_one_goes(name: str) -> None:
    plan = await planned(asked(name), sight(OLD, OLDER))
    assert plan.steps[0].act == DropOld(OLDER.database, 4)


@pytest.mark.parametrize(
    ("name", "left"), [("", (OLD, OLDER)), ("compte", (OLD,)), ("R-CCCCCC", (OLD, OLDER)), (OLD.database, ())]
)
async def test_what_is_not_there_or_not_clear_is_refused(name: str, left: tuple[Leftover, ...]) -> None:
    with pytest.raises(RefusedError) as refusal:
        await PLANNER.plan(asked(name), TARGET, sight(*left))
    assert refusal.value.problem.reason is Reason.UNKNOWN_REMAINS


async def test_where_nothing_is_left_nothing_is_to_do() -> None:
    assert isinstance(await PLANNER.plan(asked(), TARGET, sight()), NothingToDo)


@pytest.mark.parametrize("now", [(), (replace(OLD, tables=6),)])
async def test_an_approval_is_void_when_it_is_no_longer_what_was_shown(now: tuple[Leftover, ...]) -> None:
    look = sight(OLD)
    plan = await planned(asked(), look)
    assert not plan.basis.differences(await PLANNER.basis(plan, asked(), TARGET, look))
    look.left = now
    assert plan.basis.differences(await PLANNER.basis(plan, asked(), TARGET, look))


@pytest.mark.parametrize(
    "name",
    ["compte", "compte_countersign_proof_aaaaaa", "other_countersign_before_aaaaaa", "compte_countersign_before_"],
)
def test_nothing_else_is_taken_for_what_a_restore_left(name: str) -> None:
    assert leftovers_of("compte", name, 1, 1) is None
