"""Checks an environment's `vars` against its recipe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.config.operations import CheckedRecipe
from bot.domain.targets.layout import LayoutName
from bot.recipes.load import ALWAYS_KNOWN, RecipeError, load_recipe
from bot.recipes.rollout_steps import HOST

_OF_A_STEP = frozenset({"each"})
"""What only a step of a recipe has."""


def check_recipe(recipe: str, base: Path, values: Mapping[str, object]) -> CheckedRecipe:
    """Load a recipe and check what an environment gives it.

    Args:
        recipe: a built-in recipe's name, or the path of a file.
        base: the directory from which a relative path starts.
        values: the environment's `vars`.
    """
    try:
        found = load_recipe(recipe, base)
    except RecipeError as error:
        return CheckedRecipe(recipe_problems=error.problems)
    except (ValueError, RuntimeError) as error:  # a NUL byte in a path, or `~` of a user who does not exist
        return CheckedRecipe(recipe_problems=(f"cannot be read: {error}",))
    variables, problems = found.check_vars(values)
    layouts = {LayoutName.CHECKOUT} if found.releases is None else set(LayoutName)
    texts = {name for name, value in variables.items() if not isinstance(value, tuple)}
    known = (ALWAYS_KNOWN - _OF_A_STEP) | {HOST} | texts
    return CheckedRecipe(variables, var_problems=problems, layouts=frozenset(layouts), values=known)
