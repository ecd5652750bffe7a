"""Which decisions about a run that stopped half-way are legal, from its snapshot alone."""

from dataclasses import replace

import pytest

from bot.domain.backups.backup import Proof
from bot.domain.errors import Reason, problem
from bot.domain.names import Sha
from bot.domain.runs.acts import Act, Dump, Prove, Shell, Swap
from bot.domain.runs.aftermath import AFTERMATH, MigrationOutcome, MigrationProgress, aftermath_to_text
from bot.domain.runs.basis import Basis
from bot.domain.runs.decisions import (
    backup_before,
    legal_decisions,
    open_decisions,
    steps_left,
    was_live,
)
from bot.domain.runs.findings import BackupMade, Resumed, UnknownFinding
from bot.domain.runs.plan import OnFailure, Phase, Plan, Risk, Step
from bot.domain.runs.request import Action, Decision, ResumeOptions, RollbackOptions
from bot.domain.runs.run import Run, RunState, StepRow, StepState
from bot.domain.shell import syntax
from tests.support.examples import HEAD, NEXT, REQUEST, RUN

BACKUP = "B-20261116-7K3F9Q"


def step(key: str, act: Act | None = None, **changes: object) -> Step:
    made = Step(key, key, Phase.CHANGE, ("web1",), Risk.CHANGES, 60, act or Shell(syntax(key), "/var/www"))
    return replace(made, **changes)  # type: ignore[arg-type]  # test data by field name


PREPARE = {"phase": Phase.PREPARE, "risk": Risk.READS}
STEPS = (
    step("backup", Dump(BACKUP), **PREPARE),
    step("backup-proof", Prove(BACKUP, "compte_countersign_proof_7k3f9q"), **PREPARE),
    step("maintenance-on"),
    step("checkout"),
    step("migrate", risk=Risk.DESTROYS, schema=True, on_failure=OnFailure.HOLD),
    step("config-cache"),
    step("maintenance-off", undoes="maintenance-on"),
)
PLAN = Plan(
    REQUEST, STEPS, basis=Basis({"checked out on web1": HEAD, "commit": NEXT}), sha=Sha(NEXT), pending=("a", "b")
)


def stopped(at: str = "migrate", state: StepState = StepState.FAILED, plan: Plan = PLAN) -> Run:
    """A run whose step went wrong; those before it are done, those behind it never began."""
    keys = [one.key for one in plan.steps]
    rows = []
    for position, one in enumerate(plan.steps):
        is_done = position < keys.index(at)
        now = StepState.DONE if is_done else state if one.key == at else StepState.PENDING
        rows.append(StepRow(position, one.key, one.title, one.phase, one.risk, "web1", state=now))
    return replace(RUN, request=plan.request, state=RunState.NEEDS_HUMAN, plan=plan, steps=tuple(rows))


def knowing(run: Run, *progress: MigrationProgress) -> Run:
    found = tuple(MigrationOutcome(name, one) for name, one in zip(("a", "b"), progress, strict=True))
    return replace(run, facts={AFTERMATH: aftermath_to_text(found)})


USUAL = (Decision.RETRY, Decision.MARK_DONE, Decision.LIFT)


@pytest.mark.parametrize(
    ("run", "legal"),
    [
        (stopped(), (*USUAL, Decision.RESTORE)),
        (
            knowing(stopped(), MigrationProgress.DONE, MigrationProgress.NOT),
            (*USUAL, Decision.ROLL_BACK, Decision.RESTORE),
        ),
        (
            knowing(stopped(), MigrationProgress.NOT, MigrationProgress.NOT),
            (*USUAL, Decision.ROLL_BACK, Decision.RESTORE),
        ),
        (knowing(stopped(), MigrationProgress.PARTLY, MigrationProgress.NOT), (*USUAL, Decision.RESTORE)),
        (knowing(stopped(), MigrationProgress.UNKNOWN, MigrationProgress.NOT), (*USUAL, Decision.RESTORE)),
        # the schema was not touched: there is nothing to restore, and only code to take back
        (stopped("checkout", StepState.UNKNOWN), (*USUAL, Decision.ROLL_BACK)),
        (stopped("maintenance-on", StepState.UNKNOWN), (Decision.RETRY, Decision.MARK_DONE)),
    ],
)
def test_what_is_legal(run: Run, legal: tuple[Decision, ...]) -> None:
    assert legal_decisions(run) == (*legal, Decision.CLOSE)


def test_beside_a_process_that_may_still_run_nothing_is_changed() -> None:
    run = knowing(stopped(state=StepState.UNKNOWN), MigrationProgress.DONE, MigrationProgress.DONE)
    rows = tuple(replace(r, problem=problem(Reason.STILL_RUNNING)) if r.key == "migrate" else r for r in run.steps)
    assert legal_decisions(replace(run, steps=rows)) == (Decision.MARK_DONE, Decision.LIFT, Decision.CLOSE)


def test_tables_are_not_swapped_again_and_a_rollback_is_not_rolled_back() -> None:
    back = replace(REQUEST, options=RollbackOptions())
    swap = step("restore-swap", Swap(BACKUP, "fresh", "old"), risk=Risk.DESTROYS)
    plan = replace(PLAN, request=back, steps=(*STEPS[:4], swap, *STEPS[5:]))
    assert legal_decisions(stopped("restore-swap", StepState.UNKNOWN, plan)) == (
        Decision.MARK_DONE,
        Decision.LIFT,
        Decision.CLOSE,
    )


def of(*steps: Step) -> Run:
    return stopped("migrate", plan=replace(PLAN, steps=(*steps, *STEPS[2:])))


@pytest.mark.parametrize(
    ("run", "backup"),
    [
        (stopped(), BACKUP),
        (of(), None),
        (of(step("backup", Dump(BACKUP, ("users",)), **PREPARE), STEPS[1]), None),
        (of(STEPS[0], step("backup-proof", Prove(BACKUP, None), **PREPARE)), None),
        (stopped(plan=replace(PLAN, findings=(BackupMade(proof=Proof.REFUTED),))), None),
        (stopped(plan=replace(PLAN, findings=(BackupMade(proof=Proof.PROVEN),))), BACKUP),
        (stopped(plan=replace(PLAN, findings=(UnknownFinding("backup", {"proof": "of_tomorrow"}),))), None),
    ],
)
def test_the_backup_that_can_be_put_back(run: Run, backup: str | None) -> None:
    assert backup_before(run) == backup


def test_a_run_that_goes_on_after_another_leads_back_to_before_the_first() -> None:
    kept = Resumed("R-FIRST1", Decision.RETRY, "", HEAD, BACKUP)
    plan = replace(PLAN, steps=STEPS[4:], basis=Basis({"checked out on web1": NEXT}), findings=(kept,))
    run = stopped(plan=plan)
    assert (was_live(run), backup_before(run)) == (HEAD, BACKUP)
    # it brings the site up that the first one took down
    assert [one.key for one in steps_left(run, Decision.LIFT)] == ["maintenance-off"]


@pytest.mark.parametrize("kind", ["resume", "unfinished"])
def test_of_a_series_that_another_version_noted_nothing_is_taken_for_known(kind: str) -> None:
    noted = UnknownFinding(kind, {"run": "R-FIRST1", "was_live": HEAD, "move": "of_tomorrow"})
    run = stopped(plan=replace(PLAN, findings=(noted,)))
    assert (was_live(run), backup_before(run)) == (None, None)


def test_hosts_at_several_commits_have_no_way_back_together() -> None:
    plan = replace(PLAN, basis=Basis({"checked out on web1": HEAD, "checked out on web2": NEXT}))
    assert was_live(stopped(plan=plan)) is None
    assert Decision.RESTORE not in legal_decisions(stopped(plan=plan))


@pytest.mark.parametrize(
    ("state", "change", "open_still"),
    [
        (RunState.EXPIRED, StepState.PENDING, (Decision.LIFT, Decision.RESTORE)),
        (RunState.FAILED, StepState.SKIPPED, (Decision.LIFT, Decision.RESTORE)),
        (RunState.FAILED, StepState.DONE, ()),
        (RunState.AWAITING_APPROVAL, StepState.PENDING, ()),
    ],
)
def test_a_decision_that_changed_nothing_leaves_the_others_open(
    state: RunState, change: StepState, open_still: tuple[Decision, ...]
) -> None:
    request = replace(
        REQUEST, options=ResumeOptions(Action.DEPLOY, "R-FIRST1", Decision.RETRY, (Decision.LIFT, Decision.RESTORE))
    )
    row = StepRow(0, "maintenance-off", "", Phase.CHANGE, Risk.CHANGES, "web1", state=change)
    assert open_decisions(replace(RUN, request=request, state=state, steps=(row,))) == open_still
