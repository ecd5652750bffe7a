"""Why a step is not needed, in few words."""

import pytest

from bot.recipes.recipe import Condition, ConditionKind
from bot.recipes.steps import _absences

CHANGED, MISSING = ConditionKind.CHANGED, ConditionKind.MISSING


@pytest.mark.parametrize(
    ("conditions", "wanted"),
    [
        ([(CHANGED, "composer.lock")], ["composer.lock unchanged"]),
        (
            [(CHANGED, "composer.lock"), (CHANGED, "composer.json"), (MISSING, "vendor")],
            ["composer.lock and composer.json unchanged", "vendor is there"],
        ),
        (
            [(CHANGED, "a"), (CHANGED, "b"), (CHANGED, "c"), (CHANGED, "d")],
            ["a, b and 2 more unchanged"],
        ),
        ([(MISSING, "vendor"), (MISSING, "vendor")], ["vendor is there"]),
    ],
)
def test_each_reason_is_said_once_and_many_paths_are_counted(
    conditions: list[tuple[ConditionKind, str]], wanted: list[str]
) -> None:
    assert list(_absences([Condition(kind, value) for kind, value in conditions])) == wanted
