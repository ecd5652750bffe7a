"""Where the migrations of a commit are rehearsed, by the policy's mode and what is known of the commit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.policies.rehearsal_mode import RehearsalMode
from bot.domain.runs.findings import NotRehearsedReason
from bot.recipes.load import load_recipe
from bot.recipes.recipe import MigrationTable
from bot.recipes.rehearsal_way import NoRehearsal, RehearsalWay, rehearsal_way
from tests.support.examples import TARGET

NOT_ON_BRANCH = NoRehearsal(NotRehearsedReason.NOT_ON_BRANCH, "main")


@pytest.mark.parametrize(
    ("recipe", "mode", "on_branch", "way"),
    [
        ("laravel", RehearsalMode.TRUSTED, True, RehearsalWay.TRUSTED),
        ("laravel", RehearsalMode.TRUSTED, False, NOT_ON_BRANCH),
        ("laravel", RehearsalMode.NEVER, True, NoRehearsal(NotRehearsedReason.NEVER)),
        ("laravel", RehearsalMode.NEVER, False, NoRehearsal(NotRehearsedReason.NEVER)),
        ("laravel", RehearsalMode.AFTER_APPROVAL, True, RehearsalWay.AFTER_APPROVAL),
        ("laravel", RehearsalMode.AFTER_APPROVAL, False, RehearsalWay.AFTER_APPROVAL),
        # Its tool is asked for SQL before the gate, or not at all: there is no rehearsal to be had later.
        ("django", RehearsalMode.AFTER_APPROVAL, True, NoRehearsal(NotRehearsedReason.RECIPE)),
        ("django", RehearsalMode.TRUSTED, True, RehearsalWay.TRUSTED),
        ("django", RehearsalMode.TRUSTED, False, NOT_ON_BRANCH),
        ("django", RehearsalMode.NEVER, True, NoRehearsal(NotRehearsedReason.NEVER)),
        ("shell", RehearsalMode.SANDBOX, True, NoRehearsal(NotRehearsedReason.RECIPE)),
        ("shell", RehearsalMode.TRUSTED, True, NoRehearsal(NotRehearsedReason.RECIPE)),
        ("shell", RehearsalMode.NEVER, True, NoRehearsal(NotRehearsedReason.NEVER)),
    ],
)
def test_where(recipe: str, mode: RehearsalMode, on_branch: bool, way: RehearsalWay | NoRehearsal):
    target = replace(TARGET, policy=replace(TARGET.policy, rehearsal=mode))
    assert rehearsal_way(target, load_recipe(recipe, Path()).migrations, on_branch=on_branch) == way


@pytest.mark.parametrize("mode", [RehearsalMode.SANDBOX, RehearsalMode.TRUSTED])
def test_code_that_is_not_on_the_branch_never_gets_production_s_rights(mode: RehearsalMode):
    target = replace(TARGET, policy=replace(TARGET.policy, rehearsal=mode))
    for recipe in ("laravel", "django", "alembic", "shell"):
        way = rehearsal_way(target, load_recipe(recipe, Path()).migrations, on_branch=False)
        assert way is not RehearsalWay.TRUSTED


def test_a_table_of_migrations_without_a_way_to_rehearse():
    migrations = MigrationTable("database/migrations", ".php", "migrations")
    assert rehearsal_way(TARGET, migrations, on_branch=True) == NoRehearsal(NotRehearsedReason.RECIPE)


@pytest.mark.parametrize(
    ("changed", "way"),
    [
        ((), RehearsalWay.SANDBOX),
        (("accounts/models.py",), RehearsalWay.SANDBOX),
        (("requirements/base.txt",), "requirements/base.txt is not as it is live, and nothing is downloaded for it"),
        (("requirements.txt",), "requirements.txt is not as it is live, and nothing is downloaded for it"),
    ],
)
@pytest.mark.parametrize("recipe", ["alembic", "django"])
def test_other_python_packages_than_the_live_ones(recipe: str, changed: tuple[str, ...], way: RehearsalWay | str):
    target = replace(TARGET, policy=replace(TARGET.policy, rehearsal=RehearsalMode.SANDBOX))
    found = rehearsal_way(target, load_recipe(recipe, Path()).migrations, on_branch=False, changed=changed)
    assert found == (NoRehearsal(NotRehearsedReason.PACKAGES, way) if way is not RehearsalWay.SANDBOX else way)
