"""Where the migrations of a commit are rehearsed, by the policy's mode and what is known of the commit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.policies.rehearsal_mode import RehearsalMode
from bot.recipes.load import load_recipe
from bot.recipes.recipe import MigrationTable
from bot.recipes.rehearsal_way import NoRehearsal, RehearsalWay, rehearsal_way
from tests.support.examples import TARGET

NOT_ON_BRANCH = NoRehearsal("not_on_branch", "main")


@pytest.mark.parametrize(
    ("recipe", "mode", "on_branch", "way"),
    [
        ("laravel", RehearsalMode.TRUSTED, True, RehearsalWay.TRUSTED),
        ("laravel", RehearsalMode.TRUSTED, False, NOT_ON_BRANCH),
        ("laravel", RehearsalMode.NEVER, True, NoRehearsal("never")),
        ("laravel", RehearsalMode.NEVER, False, NoRehearsal("never")),
        ("laravel", RehearsalMode.AFTER_APPROVAL, True, NoRehearsal("after_approval")),
        ("laravel", RehearsalMode.AFTER_APPROVAL, False, NoRehearsal("after_approval")),
        ("django", RehearsalMode.TRUSTED, True, RehearsalWay.TRUSTED),
        ("django", RehearsalMode.TRUSTED, False, NOT_ON_BRANCH),
        ("django", RehearsalMode.NEVER, True, NoRehearsal("never")),
        ("shell", RehearsalMode.SANDBOX, True, NoRehearsal("recipe")),
        ("shell", RehearsalMode.TRUSTED, True, NoRehearsal("recipe")),
        ("shell", RehearsalMode.NEVER, True, NoRehearsal("never")),
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
    assert rehearsal_way(TARGET, migrations, on_branch=True) == NoRehearsal("recipe")
