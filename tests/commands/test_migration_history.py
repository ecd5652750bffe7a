"""From when a backup must be, by the history of a target's runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain.backups.backup import BackupInfo, BackupList, Proof, Purpose
from bot.domain.runs.acts import Dump, Load, Shell, Swap
from bot.domain.runs.aftermath import AFTERMATH, MigrationOutcome, MigrationProgress, aftermath_to_text
from bot.domain.runs.findings import BackupToRestore
from bot.domain.runs.plan import Phase, Plan, Risk, Step
from bot.domain.runs.request import Action, Decision, ResumeOptions
from bot.domain.runs.run import Run, RunState, StepRow, StepState
from bot.domain.shell import Command
from bot.domain.targets.scratch import ScratchBeside
from commands.rollback_choice import find_backup_before
from tests.support.examples import NAME, NOON, REQUEST, RUN, TARGET, Sight

HOUR = timedelta(hours=1)
assert TARGET.database is not None
SCRATCH = replace(TARGET, database=replace(TARGET.database, scratch=ScratchBeside()))
Event = Callable[[int], Run]


def moment(hour: float) -> datetime:
    return NOON + hour * HOUR


def run_at(hour: int, plan: Plan, **changes: object) -> Run:
    """A run that began to change something at this hour and ended half an hour later; named after the hour."""
    return replace(
        RUN, id=f"R-{hour:06}", sequence=hour, plan=plan, state=RunState.SUCCEEDED, created_at=moment(hour - 0.1),
        change_started_at=moment(hour), ended_at=moment(hour + 0.5), **changes,
    )  # fmt: skip


def dump(hour: int) -> Step:
    return Step("backup", "", Phase.PREPARE, ("web1",), Risk.READS, 1, Dump(f"B-{hour}"))


MIGRATE = Step("migrate", "", Phase.CHANGE, ("web1",), Risk.CHANGES, 1, Shell(Command(()), "/"), schema=True)


def deploy(*pending: str) -> Event:
    return lambda hour: run_at(hour, Plan(REQUEST, (dump(hour), MIGRATE), pending=pending))


def undo(*names: str) -> Event:
    return lambda hour: run_at(hour, Plan(REQUEST, (MIGRATE,), undo=names))


def restore(backup: str, *undone: str, tables: str = "", made: float | None = None, state: str = "") -> Event:
    """Restore a backup; `state` is that of the swap where the run did not succeed."""
    swap = Step("restore-swap", "", Phase.CHANGE, ("web1",), Risk.DESTROYS, 1, Swap(backup, "fresh", "old"))
    load = Step("restore-load", "", Phase.CHANGE, ("web1",), Risk.READS, 1, Load(backup, "a" * 64, "fresh"))
    finding = BackupToRestore(
        backup, tables=(tables,) if tables else (), made_at=None if made is None else moment(made)
    )

    def at(hour: int) -> Run:
        run = run_at(hour, Plan(REQUEST, (load, swap), undo=undone, findings=(finding,)))
        if not state:
            return run
        row = StepRow(1, swap.key, "", Phase.CHANGE, Risk.DESTROYS, "web1", 1, state=StepState(state))
        return replace(run, state=RunState.FAILED, steps=(row,))

    return at


def failed(event: Event, *outcomes: tuple[str, MigrationProgress], begun: bool = True) -> Event:
    def at(hour: int) -> Run:
        run = replace(event(hour), state=RunState.FAILED)
        state = StepState.FAILED if begun else StepState.PENDING
        row = StepRow(1, MIGRATE.key, "", Phase.CHANGE, Risk.CHANGES, "web1", 1, state=state)
        facts = {AFTERMATH: aftermath_to_text(tuple(MigrationOutcome(*each) for each in outcomes))} if outcomes else {}
        return replace(run, steps=(row,), facts=facts)

    return at


def retry(of: int, *pending: str) -> Event:
    options = ResumeOptions(Action.DEPLOY, f"R-{of:06}", Decision.RETRY)
    request = replace(REQUEST, options=options)
    return lambda hour: run_at(hour, Plan(request, (MIGRATE,), pending=pending), request=request)


def kept(hour: float, run: str = "R-OTHER", purpose: Purpose = Purpose.SCHEDULED, **changes: object) -> BackupInfo:
    name = f"B-{hour:g}"
    info = BackupInfo(name, run, purpose, moment(hour), "compte", "10.11", ("users",), (), 1, "a" * 64, Proof.PROVEN)
    return replace(info, **changes)  # type: ignore[arg-type]  # test data by field name


async def found(history: dict[int, Event], others: tuple[float, ...], *undone: str) -> str | None:
    """Find the backup, where each deploy with migrations made its own."""
    look = Sight()
    runs = [event(hour) for hour, event in history.items()]
    look.runs = {run.id: run for run in runs}
    own = [
        kept(hour, run.id, Purpose.BEFORE, started=moment(hour - 0.05))
        for hour, run in zip(history, runs, strict=True)
        if run.plan is not None and run.plan.pending and any(isinstance(step.act, Dump) for step in run.plan.steps)
    ]
    look.backup_list = BackupList(NAME.app, NAME.environment, (*own, *(kept(hour) for hour in others)))
    backup = await find_backup_before(undone, SCRATCH, look)
    return None if backup is None else backup.backup


DONE, NOT, PARTLY = MigrationProgress.DONE, MigrationProgress.NOT, MigrationProgress.PARTLY


@pytest.mark.parametrize(
    ("history", "others", "undone", "wanted"),
    [
        pytest.param({10: deploy("m")}, (), ("m",), "B-10", id="deployed once"),
        # the first deploy's backup is a day old: what was written since then would be lost
        pytest.param({10: deploy("m"), 20: restore("B-10", "m"), 44: deploy("m")}, (), ("m",), "B-44", id="restored"),
        pytest.param({10: deploy("m"), 20: restore("B-10"), 44: deploy("m")}, (), ("m",), "B-44", id="/backup restore"),
        pytest.param({10: deploy("m"), 20: undo("m"), 44: deploy("m")}, (), ("m",), "B-44", id="rolled back"),
        pytest.param({10: deploy("m"), 44: deploy("m")}, (), ("m",), "B-44", id="undone by hand"),
        pytest.param(
            {10: deploy("m"), 20: undo("m"), 30: deploy("m"), 40: undo("m"), 50: deploy("m")}, (), ("m",), "B-50",
            id="three times",
        ),
        # several migrations
        pytest.param({10: deploy("a"), 20: deploy("b")}, (), ("b", "a"), "B-10", id="two deploys, back past both"),
        pytest.param({10: deploy("a"), 20: deploy("b")}, (), ("b",), "B-20", id="two deploys, back past the last"),
        pytest.param({10: deploy("a", "b")}, (), ("b",), None, id="half of one deploy: its backup has neither"),
        pytest.param(
            {10: deploy("a"), 20: deploy("b"), 30: undo("b"), 40: deploy("b")}, (), ("b",), "B-40", id="--migrations 1",
        ),
        pytest.param(
            {10: deploy("a"), 20: deploy("b"), 30: undo("b"), 40: deploy("b")}, (), ("b", "a"), "B-10",
            id="--migrations 1, back past both",
        ),
        pytest.param(
            {10: deploy("a", "b"), 20: undo("b", "a"), 30: deploy("a"), 40: deploy("b")}, (), ("b", "a"), "B-30",
            id="together, then one by one",
        ),
        pytest.param(
            # just before `a` ran, `b` had: only before hour 5 had neither
            {5: deploy("b"), 10: deploy("a"), 20: undo("b"), 30: deploy("b")}, (), ("b", "a"), "B-5",
            id="out of order",
        ),
        # restores of older backups
        pytest.param(
            {10: deploy("a"), 20: deploy("b"), 30: restore("B-20"), 40: deploy("b")}, (), ("b",), "B-40",
            id="restored to between",
        ),
        pytest.param(
            {10: deploy("a"), 20: deploy("b"), 30: restore("B-10"), 40: deploy("a", "b")}, (), ("b",), None,
            id="restored to before both, then both at once",
        ),
        pytest.param(
            {10: deploy("a"), 20: deploy("b"), 30: restore("B-10"), 40: deploy("a", "b")}, (), ("b", "a"), "B-40",
            id="restored to before both, back past both",
        ),
        pytest.param(
            {10: deploy("m"), 20: undo("m"), 30: restore("B-15", made=15)}, (15, 25), ("m",), "B-25",
            id="came back with a restored backup",
        ),
        pytest.param(
            {10: deploy("m"), 20: restore("B-15", made=15)}, (15,), ("m",), "B-10",
            id="restored to after it: it never went",
        ),
        pytest.param(
            {10: deploy("m"), 20: restore("B-gone", made=5), 30: deploy("m")}, (25,), ("m",), "B-30",
            id="restored from a backup that is gone",
        ),
        pytest.param({10: deploy("m"), 20: restore("B-gone")}, (), ("m",), "B-10", id="restored to nobody knows what"),
        pytest.param(
            {10: deploy("m"), 20: restore("B-10", tables="users")}, (), ("m",), "B-10", id="chosen tables restored",
        ),
        pytest.param(
            {10: deploy("m"), 20: restore("B-10", state="failed")}, (), ("m",), "B-10", id="a restore that failed",
        ),
        pytest.param(
            {10: deploy("m"), 20: restore("B-10", state="unknown")}, (), ("m",), "B-10", id="a restore in doubt",
        ),
        pytest.param(
            {10: deploy("m"), 20: undo("m"), 30: restore("B-gone")}, (25,), ("m",), "B-25",
            id="restored to nobody knows what, but it has run since",
        ),
        # deploys that failed
        pytest.param(
            {10: failed(deploy("m"), begun=False), 20: deploy("m")}, (), ("m",), "B-20", id="failed before migrating",
        ),
        pytest.param(
            {10: failed(deploy("a", "b"), ("a", DONE), ("b", NOT)), 20: deploy("b")}, (), ("b",), "B-20",
            id="failed between two",
        ),
        pytest.param(
            {10: failed(deploy("a", "b"), ("a", DONE), ("b", NOT)), 20: deploy("b")}, (), ("b", "a"), "B-10",
            id="failed between two, back past both",
        ),
        pytest.param(
            {10: failed(deploy("m"), ("m", PARTLY)), 20: retry(10, "m")}, (15,), ("m",), "B-10", id="retried",
        ),
        pytest.param({10: failed(deploy("m"), ("m", DONE))}, (), ("m",), "B-10", id="failed behind the migration"),
        pytest.param({10: failed(deploy("m"))}, (), ("m",), "B-10", id="failed, and nobody knows where"),
        pytest.param({10: deploy("m"), 20: undo("m")}, (), ("m",), None, id="run by hand since"),
    ],
)  # fmt: skip
async def test_the_way_back_starts_where_the_migrations_last_began_to_have_run(
    history: dict[int, Event], others: tuple[float, ...], undone: tuple[str, ...], wanted: str | None
) -> None:
    assert await found(history, others, *undone) == wanted


@pytest.mark.parametrize(("others", "wanted"), [((5, 15), None), ((5, 25), "B-25"), ((22, 25, 35), "B-25")])
async def test_without_a_backup_of_its_own_the_newest_between_the_two_counts(
    others: tuple[float, ...], wanted: str | None
) -> None:
    bare = run_at(30, Plan(REQUEST, (MIGRATE,), pending=("m",)))
    assert await found({10: deploy("m"), 20: undo("m"), 30: lambda _: bare}, others, "m") == wanted


async def test_a_backup_in_whose_manifest_a_migration_has_run_is_no_way_back() -> None:
    look = Sight()
    run = deploy("m")(10)
    look.runs = {run.id: run}
    look.backup_list = BackupList(
        NAME.app, NAME.environment, (kept(9, migrations=("a", "m")), kept(8, migrations=("a",)), kept(7))
    )
    backup = await find_backup_before(("m",), SCRATCH, look)
    assert backup is not None
    assert backup.backup == "B-8"
