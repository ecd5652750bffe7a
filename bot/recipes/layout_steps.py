"""The steps that lay the live code out anew: a checkout as releases, or releases as a checkout. Pure."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.plan import Phase, Step
from bot.domain.targets.layout import Releases
from bot.domain.targets.target import Target
from bot.recipes.recipe import Recipe
from bot.recipes.step_inputs import StepInputs
from bot.recipes.steps import recipe_steps

_CHECKS = frozenset({"commit-live", "health"})
"""Keys of steps of verify that are asked after such a run: its commit is live already, and nothing else changed."""


def layout_steps(recipe: Recipe, target: Target, inputs: StepInputs) -> tuple[Step, ...]:
    """Give the steps that lay the live code out as the target's layout says.

    Args:
        recipe: of the target.
        target: with the folder in which the steps run as its path.
        inputs: of the plan.

    Raises:
        RefusedError: `layout_unfit`, the recipe cannot.
    """
    own = recipe.releases
    changes = () if own is None else own.convert if isinstance(target.layout, Releases) else own.revert
    if not changes:
        raise RefusedError(problem(Reason.LAYOUT_UNFIT, why="recipe", recipe=recipe.name))
    checks = tuple(spec for spec in recipe.verify if spec.key in _CHECKS)
    steps, _ = recipe_steps(replace(recipe, prepare=(), change=changes, verify=()), target, inputs)
    live = target if not isinstance(target.layout, Releases) else replace(target, path=target.layout.live)
    verified, _ = recipe_steps(replace(recipe, prepare=(), change=(), verify=checks), live, inputs)
    return (*steps, *(step for step in verified if step.phase is Phase.VERIFY))
