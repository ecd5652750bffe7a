"""Which steps of a plan remain where an earlier run did some of them at the same commit. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.runs.plan import Phase, Risk, Skipped, Step
from bot.domain.targets.look import HostFacts
from bot.recipes.recipe import ConditionKind, Recipe


def remaining_steps(steps: Iterable[Step], done: frozenset[str]) -> tuple[tuple[Step, ...], tuple[Skipped, ...]]:
    """Leave out the changing steps that were done, up to the first one that was not.

    What follows a step that runs is repeated, since it may depend on it: services are restarted after a migration.

    Args:
        steps: of a plan, in order.
        done: keys of those that were done at the plan's commit.

    Returns:
        The remaining steps, without maintenance and the like where nothing else remains to be changed; and those left
        out.
    """
    planned = tuple(steps)
    paired = _paired(planned)
    changing = [step for step in planned if _changes(step) and step.key not in paired]
    first = next((at for at, step in enumerate(changing) if step.key not in done), len(changing))
    left_out = {step.key for step in changing[:first]}
    if first == len(changing):
        left_out |= paired
    skipped = tuple(Skipped(step.key, step.title, "done already") for step in changing[:first])
    return tuple(step for step in planned if step.phase is not Phase.CHANGE or step.key not in left_out), skipped


def undone_by_absence(recipe: Recipe, hosts: Iterable[HostFacts]) -> frozenset[str]:
    """Name the steps whose result is gone from a host, so that having been done once is not enough."""
    answers = tuple(hosts)
    return frozenset(
        spec.key
        for spec in recipe.change
        for condition in spec.when
        if condition.kind is ConditionKind.MISSING and any(condition.value not in facts.existing for facts in answers)
    )


def _paired(steps: tuple[Step, ...]) -> frozenset[str]:
    """Give the keys of steps that undo another step, and of those that they undo."""
    undoing = [step for step in steps if step.undoes is not None]
    return frozenset({step.key for step in undoing} | {step.undoes for step in undoing if step.undoes is not None})


def _changes(step: Step) -> bool:
    return step.phase is Phase.CHANGE and step.risk is not Risk.READS
