"""Which evidence a plan keeps that goes on after a run that stopped: what is still true of the migrations left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.runs.aftermath import AFTERMATH, MigrationOutcome, MigrationProgress, aftermath_to_text
from bot.domain.runs.findings import (
    BackupMade,
    Finding,
    HeldBack,
    MigrationEffect,
    MigrationFile,
    MigrationFinding,
    NotRehearsed,
    NotRehearsedReason,
    OldCode,
    Rehearsed,
    Resumed,
    RowsChanged,
    RowsCounted,
    StatementFinding,
    UnknownFinding,
)
from bot.domain.runs.migration_risk import EffectKind, MigrationRisk
from bot.domain.runs.plan import Plan
from bot.domain.runs.request import Action, Decision, ResumeOptions
from bot.domain.runs.run import RunState
from tests.commands.test_deploy_unfinished import DEPLOY, LIVE, MIGRATION, RAN, a_plan, ended
from tests.support.examples import DATABASE, REQUEST, RUN, TARGET, Sight

OTHER = "2025_11_16_080000_ran_already"
LEFT = (
    BackupMade("B-1"),
    MigrationFinding(MIGRATION, MigrationRisk.UNKNOWN),
    MigrationFile(MIGRATION, "database/migrations/a.php", "0" * 64),
    StatementFinding(MIGRATION, 1),
    OldCode(MIGRATION, EffectKind.COLUMN_DROPPED, "users.fax"),
    MigrationEffect(MIGRATION),
    NotRehearsed(NotRehearsedReason.RECIPE),
    RowsChanged("users", 9, 9, None, None, None, RowsCounted.ALL),
    UnknownFinding("migration", {"name": "of_tomorrow"}),
)
PAST = (
    MigrationFinding(OTHER, MigrationRisk.DESTRUCTIVE),
    StatementFinding(OTHER, 1),
    Rehearsed(),
    HeldBack((OTHER,)),
    UnknownFinding("of_tomorrow", {}),
)


async def resumed(
    *findings: Finding, migrated: bool = False, decision: Decision = Decision.RETRY, facts: str = ""
) -> Plan:
    plan = replace(await a_plan(Sight()), findings=findings)
    stopped = ended(plan, "queue-restart" if migrated else "migrate", RunState.NEEDS_HUMAN)
    stopped = replace(stopped, facts={AFTERMATH: facts} if facts else {})
    look = Sight(LIVE, database=RAN if migrated else DATABASE)
    look.remember(stopped)
    options = ResumeOptions(Action.DEPLOY, stopped.id, decision)
    answer = await DEPLOY.plan(replace(RUN, id="R-BBBBBB", request=replace(REQUEST, options=options)), TARGET, look)
    assert isinstance(answer, Plan)
    return answer


@pytest.mark.parametrize("found", LEFT, ids=lambda found: type(found).__name__)
async def test_what_is_said_of_the_migrations_left_is_kept(found: Finding) -> None:
    first, *kept = (await resumed(found)).findings
    assert isinstance(first, Resumed)
    assert kept == [found]


@pytest.mark.parametrize("found", PAST, ids=lambda found: type(found).__name__)
async def test_what_is_over_is_not(found: Finding) -> None:
    [first] = (await resumed(found)).findings
    assert isinstance(first, Resumed)


async def test_once_the_migrations_ran_only_the_backup_is_kept() -> None:
    first, *kept = (await resumed(*LEFT, migrated=True)).findings
    assert isinstance(first, Resumed)
    assert kept == [LEFT[0]]


@pytest.mark.parametrize("found", [found for found in LEFT if not isinstance(found, BackupMade)][-3:])
async def test_what_was_not_known_asks_for_more_approvals_again(found: Finding) -> None:
    assert (await resumed(found)).may_destroy


HALF = aftermath_to_text((MigrationOutcome(MIGRATION, MigrationProgress.PARTLY, ("+ users.a",)),))
WHOLE = aftermath_to_text((MigrationOutcome(MIGRATION, MigrationProgress.NOT),))


@pytest.mark.parametrize(
    ("decision", "migrated", "facts", "half", "not_done"),
    [
        (Decision.RETRY, False, HALF, (MIGRATION,), ()),
        (Decision.RETRY, False, WHOLE, (), ()),
        (Decision.RETRY, False, "", (), ()),
        (Decision.MARK_DONE, False, HALF, (), (MIGRATION,)),
        (Decision.MARK_DONE, True, "", (), ()),
        (Decision.LIFT, False, HALF, (), ()),
    ],
)
async def test_the_plan_holds_what_speaks_against_the_decision(
    decision: Decision, migrated: bool, facts: str, half: tuple[str, ...], not_done: tuple[str, ...]
) -> None:
    first, *_ = (await resumed(migrated=migrated, decision=decision, facts=facts)).findings
    assert isinstance(first, Resumed)
    assert (first.half, first.not_done) == (half, not_done)
