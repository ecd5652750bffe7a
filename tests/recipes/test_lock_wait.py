"""Migrations wait for a lock no longer than they are told, by each stack's real tool behind a real lock."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.databases.migrations.migrate_script import migrate_job
from bot.demo.application.application import Application
from bot.demo.application.commits import CommitKind
from bot.demo.application.git import git
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.runs.acts import Migrate
from bot.recipes.load import load_recipe
from bot.recipes.recipe import RunKind
from bot.recipes.step_inputs import StepInputs
from bot.recipes.steps import recipe_steps
from tests.support.examples import TARGET
from tests.support.laravel_oddities import source_of
from tests.support.stacks import ALEMBIC_LIVE, ALEMBIC_NEXT, DJANGO_LIVE, DJANGO_NEXT, Stack

LARAVEL_NEXT = "database/migrations/2025_11_16_074003_add_token_id_to_user_sessions_table.php"
SYSTEM_PATH = "/usr/bin:/bin"
PATIENCE_AND_MARGIN = 15
NEXT = {
    "laravel": ("2025_11_16_074003_add_token_id_to_user_sessions_table",),
    "alembic": ("27c0 add token_id", "0b91 index token_id"),
    "django": ("accounts.0002_account_token_id", "accounts.0003_fill"),
}
"""The migrations of the next commit."""


@dataclass(frozen=True)
class Site:
    """An application whose next commit is checked out, and not migrated.

    Args:
        recipe: that operates it.
        path: its checkout.
        database: its database.
        table: that the migration changes.
        variables: of the recipe.
        folder: for the notes of a run.
    """

    recipe: str
    path: Path
    database: DemoDatabase
    table: str
    variables: Mapping[str, str]
    folder: Path

    async def migrate(self, *, lock_wait: int = 16, **environment: str) -> tuple[int, str]:
        """Run the recipe's step as a host would; give its exit status and what it printed."""
        policy = replace(TARGET.policy, lock_patience=timedelta(seconds=lock_wait - PATIENCE_AND_MARGIN))
        target = replace(TARGET, path=str(self.path), policy=policy, vars={**TARGET.vars, **self.variables})
        head = await git(self.path, "rev-parse", "HEAD")
        names = NEXT[self.recipe]
        inputs = StepInputs("R-7K3F9Q", RunKind.DEPLOY, head, head, (), names, takes_down=False, backup=None)
        steps, _ = recipe_steps(load_recipe(self.recipe, Path()), target, inputs)
        act = next(step.act for step in steps if step.schema)
        assert isinstance(act, Migrate)
        if self.recipe == "laravel":
            act = replace(act, files=(source_of(self.path, LARAVEL_NEXT),))
        script = migrate_job(act, "migrate.1")
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", script.script(), cwd=self.path,
            env={"PATH": SYSTEM_PATH, "COUNTERSIGN_RUN_DIR": str(self.folder), **environment},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, stdin=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        printed, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, printed.decode()


NewSite = Callable[[str], Awaitable[Site]]


@pytest.fixture
def new_site(
    tmp_path: Path,
    database: DemoDatabase,
    new_laravel: Callable[[], Awaitable[Application]],
) -> NewSite:
    async def make(recipe: str) -> Site:
        notes = tmp_path / "its 'notes'"
        notes.mkdir()
        if recipe == "laravel":
            app = await new_laravel()
            await app.next_commit(CommitKind.TOKEN_ID)
            await git(app.path, "pull", "--quiet")
            return Site(recipe, app.path, app.database, "user_sessions", {"php": "php"}, notes)
        live, following, words, variables = {
            "alembic": (ALEMBIC_LIVE, ALEMBIC_NEXT, ("-m", "alembic", "upgrade", "heads"), {"config": "alembic.ini"}),
            "django": (DJANGO_LIVE, DJANGO_NEXT, ("manage.py", "migrate"), {"manage": "manage.py"}),
        }[recipe]
        folder = tmp_path / "app"
        folder.mkdir()
        stack = await Stack.create(folder, database, live)
        await stack.tool(*words)
        await stack.commit("feat: token_id", following)
        await git(stack.path, "pull", "--quiet")
        values = {
            "venv": ".venv",
            "requirements": "requirements.txt",
            "env_file": ".env",
            "maintenance_file": "maintenance.on",
            **variables,
        }
        return Site(recipe, stack.path, database, "accounts", values, notes)

    return make


RECIPES = ("laravel", "alembic", "django")


@pytest.mark.parametrize("recipe", RECIPES)
async def test_behind_a_lock_the_server_itself_ends_the_statement(
    recipe: str, new_site: NewSite, mariadb: DatabaseServer
) -> None:
    site = await new_site(recipe)
    before = await mariadb.columns(site.database.name, site.table)
    async with mariadb.lock_table(site.database.name, site.table):
        status, printed = await asyncio.wait_for(site.migrate(lock_wait=1), 60)
    assert status != 0
    assert "1205" in printed
    assert "Lock wait timeout" in printed
    assert await mariadb.columns(site.database.name, site.table) == before


@pytest.mark.parametrize("recipe", RECIPES)
async def test_each_session_of_the_migration_is_told_the_patience_before_it_changes_anything(
    recipe: str, new_site: NewSite, mariadb: DatabaseServer
) -> None:
    site = await new_site(recipe)
    since = mariadb.log_position()
    status, printed = await site.migrate()
    assert status == 0, printed
    told = [
        statement
        for statement in mariadb.statements(since)
        if re.search("SET SESSION lock_wait_timeout = 16|^alter table", statement.text, re.IGNORECASE)
    ]
    [first, *_] = (statement for statement in told if statement.text.lower().startswith("alter"))
    limited = [statement.connection for statement in told[: told.index(first)]]
    assert first.connection in limited


@pytest.mark.parametrize("recipe", RECIPES)
async def test_where_it_does_not_work_the_migration_goes_on_without(
    recipe: str, new_site: NewSite, mariadb: DatabaseServer
) -> None:
    site = await new_site(recipe)
    nowhere = site.folder / "notes"
    nowhere.mkdir()
    (nowhere / "lock-wait").touch()
    status, printed = await replace(site, folder=nowhere).migrate()
    assert status == 0, printed
    assert "token_id" in await mariadb.columns(site.database.name, site.table)


async def test_what_python_was_to_begin_with_is_begun_with_all_the_same(new_site: NewSite, tmp_path: Path) -> None:
    site = await new_site("django")
    own = tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("print('the own one')\n")
    status, printed = await site.migrate(PYTHONPATH=str(own))
    assert status == 0, printed
    assert "the own one" in printed


async def test_the_settings_of_php_stay(new_site: NewSite, tmp_path: Path) -> None:
    site = await new_site("laravel")
    own = tmp_path / "own"
    own.mkdir()
    (own / "own.ini").write_text(f'memory_limit=200M\nerror_log="{own}/log"\n')
    (site.path / "artisan").write_text(
        (site.path / "artisan").read_text().replace("<?php", "<?php fwrite(STDERR, ini_get('memory_limit'));", 1)
    )
    status, printed = await site.migrate(PHP_INI_SCAN_DIR=f":{own}")
    assert status == 0, printed
    assert "200M" in printed
