"""The steps of a rollback: undoing migrations, or restoring a backup; also after a run that stopped."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.domain.backups.backup import BackupInfo, BackupList
from bot.domain.runs.acts import AsRehearsed, Dump, Preview, Prove, Rehearse, SandboxRehearsal
from bot.domain.runs.decisions import steps_left
from bot.domain.runs.findings import Finding
from bot.domain.runs.plan import Phase, Skipped, Step
from bot.domain.runs.request import Action, Decision
from bot.domain.runs.run import Run
from bot.domain.targets.look import DatabaseFacts, HostFacts
from bot.domain.targets.target import Target
from bot.recipes.recipe import Recipe, RunKind
from bot.recipes.rehearsal_way import NoRehearsal, RehearsalWay, rehearsal_way
from bot.recipes.step_inputs import StepInputs
from bot.recipes.steps import recipe_steps
from commands.backup_restore import restorable, restore_databases, restore_finding, restore_steps
from commands.common import backup_id, plan_maintenance, wants_backup
from commands.migration_files import MigrationFiles
from commands.rehearsal import not_rehearsed
from commands.releases import release_to_go_back_to
from commands.resume import held_on_failure


@dataclass(frozen=True)
class RollbackFacts:
    """The live state of a target, and the state to go back to.

    Args:
        head: the live commit.
        sha: the commit to go back to.
        live: facts of each host about the live commit.
        behind: facts of each host about the commit to go back to.
        undo: the migrations to undo, the newest first.
        database: as just read; None if there is none.
    """

    head: str
    sha: str
    live: tuple[HostFacts, ...]
    behind: tuple[HostFacts, ...]
    undo: tuple[str, ...]
    database: DatabaseFacts | None


@dataclass(frozen=True)
class RollbackSteps:
    """The steps of a rollback, with what a plan needs beside them.

    Args:
        steps: in order.
        skipped: those of the recipe that are not needed.
        undo: the migrations that they undo, the newest first.
        findings: for approvers.
    """

    steps: tuple[Step, ...]
    skipped: tuple[Skipped, ...]
    undo: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class RollbackStepBuilder:
    """Builds the steps of one rollback.

    Args:
        recipe: of the target.
        target: to roll back.
        run: the rollback.
        found: the live state, and the state to go back to.
        before: the stopped run that it resumes; None if it was typed.
    """

    recipe: Recipe
    target: Target
    run: Run
    found: RollbackFacts
    before: Run | None

    def by_undoing(self, undo: tuple[str, ...], of_files: MigrationFiles) -> RollbackSteps:
        """Give the steps that undo migrations with the live code, then check out the previous code.

        Args:
            undo: migrations, the newest first; empty to leave the schema as it is.
            of_files: the files of these migrations.

        Raises:
            RefusedError: `backup_impossible`, the policy wants a backup and none can be made.
        """
        backup = backup_id(self.run) if wants_backup(self.target, Action.ROLLBACK, len(undo)) else None
        made = self._steps(undo, backup, of_files)
        return replace(made, findings=(*made.findings, *not_rehearsed(self._rehearses, undo)))

    def to_backup(self, backup: BackupInfo, backup_list: BackupList) -> RollbackSteps:
        """Give the steps that restore a backup and check out the previous code.

        The current data is backed up first, whatever the policy says, during maintenance.

        Args:
            backup: the backup.
            backup_list: those beside it.

        Raises:
            RefusedError: `not_restorable`.
        """
        database = restorable(backup, self.target)
        databases = restore_databases(database, backup, self.run)
        check, *changes = restore_steps(self.target, self.run, backup, databases)
        made = self._steps(self.found.undo, None, MigrationFiles())
        kinds = (Rehearse, SandboxRehearsal, Preview, Dump, Prove, AsRehearsed)
        usual = [step for step in made.steps if not step.schema and not isinstance(step.act, kinds)]
        held = [held_on_failure(step) for step in changes] if self._lifts else changes
        place = _behind_maintenance(usual)
        steps = (check, *usual[:place], *held, *usual[place:])
        skipped = tuple(step for step in made.skipped if step.key not in _OTHERWISE)
        return replace(
            made,
            steps=steps,
            skipped=skipped,
            findings=(restore_finding(backup, backup_list, databases.old), *made.findings),
        )

    @property
    def _rehearses(self) -> RehearsalWay | NoRehearsal:
        # the live commit's code undoes them
        return rehearsal_way(self.target, self.recipe.migrations, on_branch=True)

    @property
    def _lifts(self) -> bool:
        """Whether the stopped run took the site down, so that this one lifts the maintenance."""
        return self.before is not None and bool(steps_left(self.before, Decision.LIFT))

    def _steps(self, undo: tuple[str, ...], backup: str | None, of_files: MigrationFiles) -> RollbackSteps:
        behind = self.found.behind
        takes_down, downs = plan_maintenance(self.target, self.found.live, undo)
        if self._lifts:
            # the checks after it find the site up
            behind, takes_down, downs = tuple(replace(facts, maintenance=False) for facts in behind), True, ()
        inputs = StepInputs(
            self.run.id,
            RunKind.ROLLBACK,
            self.found.head,
            self.found.sha,
            behind,
            undo,
            takes_down,
            backup,
            rehearses=self._rehearses,
            files=of_files.files,
            table=of_files.table,
            release=release_to_go_back_to(self.run, self.target, self.found.sha, behind),
        )
        steps, skipped = recipe_steps(self.recipe, self.target, inputs)
        if self.before is not None:
            undone = {step.undoes for step in steps} if self._lifts else set()
            steps = tuple(_held(step) for step in steps if step.key not in undone)
        return RollbackSteps(steps, skipped, undo, downs)


_OTHERWISE = frozenset({"backup"})
"""Steps of a recipe that a restore replaces by its own."""


def _held(step: Step) -> Step:
    return held_on_failure(step) if step.phase is Phase.CHANGE else step


def _behind_maintenance(steps: list[Step]) -> int:
    """Give the index after the steps that take the site down; that of the change phase if none does."""
    undone = {step.undoes for step in steps if step.undoes is not None}
    places = [place for place, step in enumerate(steps, 1) if step.key in undone]
    before_change = sum(step.phase is Phase.PREPARE for step in steps)
    return max(places, default=before_change)
