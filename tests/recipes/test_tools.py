"""The tools of other stacks asked on a real host: at any commit, with its packages, and nothing left behind."""

from __future__ import annotations

import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.demo.application.git import git
from bot.demo.host.database import DemoDatabase
from bot.demo.host.host import DemoHost
from bot.domain.errors import Reason, RefusedError
from bot.domain.policies.rehearsal_mode import RehearsalMode
from bot.domain.targets.look import HostFacts
from bot.domain.targets.target import Target
from bot.hosts.connections import Connections
from bot.hosts.look import HostLook
from bot.recipes.load import load_recipe
from bot.recipes.parsers import Listing
from bot.recipes.questions import question
from bot.recipes.recipe import MigrationCommand, Recipe
from commands.pending import listing_of
from tests.hosts.support.jobs import host_of
from tests.support.examples import TARGET
from tests.support.stacks import ALEMBIC_LIVE, ALEMBIC_NEXT, DJANGO_LIVE, DJANGO_NEXT, Stack

NewStack = Callable[[Mapping[str, str]], Awaitable[Stack]]


@pytest.fixture
async def look(ssh_host: DemoHost) -> AsyncIterator[HostLook]:
    async with Connections({"web1": host_of(ssh_host)}) as connections:
        yield HostLook(connections)


@pytest.fixture
def new_stack(tmp_path: Path, database: DemoDatabase) -> NewStack:
    async def make(files: Mapping[str, str]) -> Stack:
        folder = tmp_path / "app"
        folder.mkdir()
        return await Stack.create(folder, database, files)

    return make


def target_of(app: Stack, recipe: Recipe, mode: RehearsalMode) -> Target:
    checked, problems = recipe.check_vars({})
    assert not problems
    policy = replace(TARGET.policy, rehearsal=mode)
    return replace(TARGET, recipe=recipe.name, path=str(app.path), vars=checked, policy=policy)


async def listed(
    look: HostLook, app: Stack, name: str, ref: str | None, mode: RehearsalMode = RehearsalMode.TRUSTED
) -> Listing:
    recipe = load_recipe(name, Path())
    facts: HostFacts = await look.host("web1", question(recipe, target_of(app, recipe, mode), ref))
    assert isinstance(recipe.migrations, MigrationCommand)
    return listing_of(recipe.migrations, facts)


def files_of(app: Stack) -> set[str]:
    return {str(path) for path in app.path.rglob("*") if ".git" not in path.parts}


def wheel(folder: Path) -> Path:
    """A package `extra` that is a Django application with a migration."""
    file = folder / "extra-1.0-py3-none-any.whl"
    about = {"METADATA": "Metadata-Version: 2.1\nName: extra\nVersion: 1.0\n", "RECORD": ""}
    about["WHEEL"] = "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("extra/__init__.py", "")
        archive.writestr("extra/migrations/__init__.py", "")
        archive.writestr(
            "extra/migrations/0001_initial.py",
            "from django.db import migrations\nclass Migration(migrations.Migration):\n    operations = []\n",
        )
        for name, text in about.items():
            archive.writestr(f"extra-1.0.dist-info/{name}", text)
    return file


async def test_a_commit_that_brings_a_package_is_asked_with_that_package(
    look: HostLook, new_stack: NewStack, tmp_path: Path
) -> None:
    app = await new_stack(DJANGO_LIVE)
    settings = DJANGO_LIVE["settings.py"].replace('"accounts"]', '"accounts", "extra"]')
    packages = f"django\nextra @ {wheel(tmp_path).as_uri()}\n"
    await app.commit("feat: extra", {**DJANGO_NEXT, "settings.py": settings, "requirements.txt": packages})
    await git(app.path, "fetch", "--quiet")
    before = files_of(app)
    ahead = await listed(look, app, "django", "main")
    assert [name for name in ahead.there if not name.startswith("contenttypes.")] == [
        "accounts.0001_initial",
        "accounts.0002_account_token_id",
        "accounts.0003_fill",
        "extra.0001_initial",
    ]
    assert ahead.ran == ()
    with pytest.raises(RefusedError) as refusal:
        await listed(look, app, "django", "main", RehearsalMode.SANDBOX)
    assert refusal.value.problem.reason is Reason.UNLISTED_COMMIT
    assert "No module named 'extra'" in refusal.value.problem.facts["detail"]
    assert files_of(app) == before


@pytest.mark.parametrize(
    ("name", "live", "broken"),
    [
        ("django", DJANGO_LIVE, "settings.py"),
        ("alembic", ALEMBIC_LIVE, "migrations/versions/1a5e_accounts.py"),
        ("alembic", ALEMBIC_LIVE, "migrations/env.py"),
    ],
)
async def test_code_that_does_not_start_is_told_in_its_own_words(
    look: HostLook, new_stack: NewStack, name: str, live: Mapping[str, str], broken: str
) -> None:
    app = await new_stack(live)
    await app.commit("broken", {broken: "raise RuntimeError('no such luck')\n"})
    await git(app.path, "fetch", "--quiet")
    with pytest.raises(RefusedError) as refusal:
        await listed(look, app, name, "main")
    assert refusal.value.problem.reason is Reason.MIGRATIONS_UNREADABLE
    assert "no such luck" in refusal.value.problem.facts["detail"]


async def test_a_database_that_is_ahead_of_the_code_says_so(look: HostLook, new_stack: NewStack) -> None:
    app = await new_stack(ALEMBIC_LIVE)
    await app.commit("feat: next", ALEMBIC_NEXT)
    await git(app.path, "pull", "--quiet")
    await app.tool("-m", "alembic", "upgrade", "heads")
    await git(app.path, "reset", "--quiet", "--hard", "HEAD~1")
    behind = await listed(look, app, "alembic", None)
    assert (behind.there, behind.ran, behind.unknown) == (("1a5e accounts",), (), ("0b91",))
    for mode in (RehearsalMode.TRUSTED, RehearsalMode.SANDBOX):
        ahead = await listed(look, app, "alembic", "main", mode)
        assert [row.name for row in ahead.ran] == ["1a5e accounts", "27c0 add token_id", "0b91 index token_id"]


@pytest.mark.parametrize(
    ("name", "live", "following", "run", "added"),
    [
        ("alembic", ALEMBIC_LIVE, ALEMBIC_NEXT, ("-m", "alembic", "upgrade", "heads"), 2),
        ("django", DJANGO_LIVE, DJANGO_NEXT, ("manage.py", "migrate"), 2),
    ],
    ids=["alembic", "django"],
)
async def test_a_sandbox_is_told_the_same_as_production(
    look: HostLook,
    new_stack: NewStack,
    name: str,
    live: Mapping[str, str],
    following: Mapping[str, str],
    run: tuple[str, ...],
    added: int,
) -> None:
    app = await new_stack(live)
    await app.tool(*run)
    await app.commit("feat: next", following)
    await git(app.path, "fetch", "--quiet")
    before = files_of(app)
    trusted = await listed(look, app, name, "main")
    confined = await listed(look, app, name, "main", RehearsalMode.SANDBOX)
    assert len(trusted.there) - len(trusted.ran) == added
    assert confined.unknown == ()
    assert confined.ran == trusted.ran
    assert set(confined.there) == set(trusted.there)
    left = [
        [name for name in listing.there if name not in {row.name for row in listing.ran}]
        for listing in (trusted, confined)
    ]
    assert left[0] == left[1]
    assert files_of(app) == before
