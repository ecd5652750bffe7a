"""The steps of a way back: by undoing migrations, or by putting a backup back; also behind a run that stopped."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.domain.backups.backup import BackupInfo, BackupList
from bot.domain.runs.acts import AsRehearsed, Dump, Preview, Prove, Rehearse
from bot.domain.runs.decisions import steps_left
from bot.domain.runs.plan import Finding, Phase, Skipped, Step
from bot.domain.runs.request import Action, Decision
from bot.domain.runs.run import Run
from bot.domain.targets.look import AppliedMigration, HostFacts
from bot.domain.targets.target import Target
from bot.recipes.recipe import Recipe, RunKind
from bot.recipes.steps import StepInputs, recipe_steps
from commands.backup_restore import restorable, restore_databases, restore_finding, restore_steps
from commands.common import backup_id, plan_maintenance, wants_backup
from commands.resume import held_on_failure


@dataclass(frozen=True)
class RollbackFacts:
    """Where a target is, and where it goes back to.

    Args:
        head: the commit that is live.
        sha: the commit that is to be live.
        live: what each host answered about itself.
        behind: what each host answered about that commit.
        undo: the migrations that it does not have, the newest first.
        ran: the rows of the migrations table; None where there is no database.
    """

    head: str
    sha: str
    live: tuple[HostFacts, ...]
    behind: tuple[HostFacts, ...]
    undo: tuple[str, ...]
    ran: tuple[AppliedMigration, ...] | None


@dataclass(frozen=True)
class RollbackSteps:
    """What a way back consists of.

    Args:
        steps: in order.
        skipped: those of the recipe that are not needed.
        undo: the migrations that are undone by them, the newest first.
        findings: what an approver must know.
    """

    steps: tuple[Step, ...]
    skipped: tuple[Skipped, ...]
    undo: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class RollbackStepBuilder:
    """Plans the steps of one rollback.

    Args:
        recipe: of the target.
        target: where.
        run: the one that goes back.
        found: where it is and where it goes.
        before: the run that stopped and that it goes on after; None where somebody typed it.
    """

    recipe: Recipe
    target: Target
    run: Run
    found: RollbackFacts
    before: Run | None

    def by_undoing(self, undo: tuple[str, ...]) -> RollbackSteps:
        """Give the steps that undo migrations by the code that is live, then bring the code of before.

        Args:
            undo: which migrations, the newest first; none leaves the schema as it is.

        Raises:
            RefusedError: `backup_impossible`, the policy wants a backup and none can be made.
        """
        backup = backup_id(self.run) if wants_backup(self.target, Action.ROLLBACK, len(undo)) else None
        return self._steps(undo, backup)

    def to_backup(self, backup: BackupInfo, backup_list: BackupList) -> RollbackSteps:
        """Give the steps that put a backup back and bring the code of before.

        What is there now is backed up as a part of it, whatever the policy says, while nobody can write.

        Args:
            backup: the backup.
            backup_list: those beside it.

        Raises:
            RefusedError: `not_restorable`.
        """
        database = restorable(backup, self.target)
        databases = restore_databases(database, backup, self.run)
        check, *changes = restore_steps(self.target, self.run, backup, databases)
        made = self._steps(self.found.undo, None)
        kinds = (Rehearse, Preview, Dump, Prove, AsRehearsed)
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
    def _lifts(self) -> bool:
        """Whether the run that stopped took the site down, so that this one brings it up."""
        return self.before is not None and bool(steps_left(self.before, Decision.LIFT))

    def _steps(self, undo: tuple[str, ...], backup: str | None) -> RollbackSteps:
        behind = self.found.behind
        takes_down, downs = plan_maintenance(self.target, self.found.live, undo)
        if self._lifts:
            # for what is checked behind it, the site is up
            behind, takes_down, downs = tuple(replace(facts, maintenance=False) for facts in behind), True, ()
        inputs = StepInputs(
            self.run.id, RunKind.ROLLBACK, self.found.head, self.found.sha, behind, undo, takes_down, backup
        )
        steps, skipped = recipe_steps(self.recipe, self.target, inputs)
        if self.before is not None:
            undone = {step.undoes for step in steps} if self._lifts else set()
            steps = tuple(_held(step) for step in steps if step.key not in undone)
        return RollbackSteps(steps, skipped, undo, downs)


_OTHERWISE = frozenset({"backup"})
"""Steps of a recipe that a way to a backup does by steps of its own."""


def _held(step: Step) -> Step:
    return held_on_failure(step) if step.phase is Phase.CHANGE else step


def _behind_maintenance(steps: list[Step]) -> int:
    """Find the place behind the steps that take the site down; the first of the change phase where none does."""
    undone = {step.undoes for step in steps if step.undoes is not None}
    places = [place for place, step in enumerate(steps, 1) if step.key in undone]
    before_change = sum(step.phase is Phase.PREPARE for step in steps)
    return max(places, default=before_change)
