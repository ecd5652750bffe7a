"""Every step that is planned for a kind of Laravel application works there, and what cannot work is left out."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.demo.application.application import Application
from bot.demo.application.git import git
from bot.domain.runs.acts import Migrate, Shell
from bot.domain.runs.plan import Step
from bot.domain.shell import Command, Syntax, Word, fill
from bot.domain.targets.target import VarValue
from bot.recipes.load import load_recipe
from bot.recipes.questions import question
from bot.recipes.recipe import RunKind
from bot.recipes.step_inputs import StepInputs
from bot.recipes.steps import before_plan, recipe_steps
from tests.support.examples import HEAD, HOST, TARGET
from tests.support.laravel_oddities import MIGRATIONS, add_column, migration, register, replace_in, write
from tests.support.polling import eventually

VARS: Mapping[str, VarValue] = {"php": "php", "retry": 60, "render": ""}
RECIPE = load_recipe("laravel", Path())
_CACHES = ("config-cache", "route-cache", "view-cache", "event-cache", "optimize", "queue-restart")
_PROVIDER = "app/Providers/EventServiceProvider.php"


@dataclass(frozen=True)
class Kind:
    """A kind of application.

    Args:
        make: changes the demonstration's application.
        left_out: keys of the steps that cannot work there.
    """

    make: Callable[[Path], None]
    left_out: frozenset[str] = frozenset()


def _closures(path: Path) -> None:
    route = "Illuminate\\Support\\Facades\\Route::get('/', function () { return 'here'; });"
    write(path, {"routes/web.php": f"<?php {route}\n"})


def _no_views(path: Path) -> None:
    shutil.rmtree(path / "resources")


def _no_provider(path: Path) -> None:
    (path / _PROVIDER).unlink()
    replace_in(path / "config/app.php", "        App\\Providers\\EventServiceProvider::class,\n", "")


def _no_key(path: Path) -> None:
    replace_in(path / ".env", "APP_KEY=", "NO_KEY=")
    shutil.rmtree(path / "storage/framework/views")


def _cache_without_table(path: Path) -> None:
    replace_in(path / ".env", "CACHE_DRIVER=file", "CACHE_DRIVER=database")
    store = "'stores' => [\n        'database' => ['driver' => 'database', 'table' => 'cache', 'connection' => null],"
    replace_in(path / "config/cache.php", "'stores' => [", store)


def _linked_storage(path: Path) -> None:
    shared = path.parent / "shared"
    shutil.move(path / "storage", shared)
    (path / "storage").symlink_to(shared)


def _maintenance(path: Path, driver: str, *env: str) -> None:
    """Configure where the flag of maintenance lies."""
    block = f"""return [
    'maintenance' => [
        'driver' => {driver},
        'store' => 'file',
    ],"""
    replace_in(path / "config/app.php", "return [", block)
    with (path / ".env").open("a") as file:
        file.writelines(f"{line}\n" for line in env)


def _only_in_the_cached_configuration(path: Path) -> None:
    _maintenance(path, "'cache'")
    subprocess.run(["php", "artisan", "config:cache"], cwd=path, check=True, capture_output=True)
    replace_in(path / "config/app.php", "'driver' => 'cache'", "'driver' => 'file'")


FLAGS: Mapping[str, Callable[[Path], None]] = {
    "file": lambda _: None,
    "cache": lambda path: _maintenance(path, "'cache'"),
    "cache by .env": lambda path: _maintenance(
        path, "env('APP_MAINTENANCE_DRIVER', 'file')", 'export APP_MAINTENANCE_DRIVER = "cache" # said'
    ),
    "cache by default": lambda path: _maintenance(path, "env('APP_MAINTENANCE_DRIVER', 'cache')"),
    "cache by the cached configuration": _only_in_the_cached_configuration,
}


KINDS: Mapping[str, Kind] = {
    "plain": Kind(lambda path: None),
    "routes that are closures": Kind(_closures),
    "no views": Kind(_no_views, frozenset({"view-cache"})),
    "no provider of events": Kind(_no_provider),
    "no key, no folder of compiled views": Kind(_no_key),
    "a cache without its table": Kind(_cache_without_table),
    "storage as a link": Kind(_linked_storage),
}


def planned(
    path: Path, way: RunKind = RunKind.DEPLOY, *, migrations: tuple[str, ...] = (), **variables: VarValue
) -> tuple[dict[str, Step], dict[str, str]]:
    """Plan a run; give the steps and why others are left out, by their keys."""
    target = replace(TARGET, path=str(path), vars={**VARS, "maintenance": "always", **variables})
    there = frozenset(one for one in question(RECIPE, target, None).exists if (path / one).exists())
    facts = replace(HOST, existing=there, changed=("composer.lock", "package.json"))
    inputs = StepInputs("R-7K3F9Q", way, HEAD, "HEAD", (facts,), migrations, takes_down=True, backup=None)
    steps, skipped = recipe_steps(RECIPE, target, inputs)
    return {step.key: step for step in steps}, {one.key: one.why for one in skipped}


async def run(path: Path, command: Command, environment: Mapping[str, str] = os.environ) -> tuple[int | None, str]:
    """Run a command as a host would."""
    notes = path.parent / "notes"
    notes.mkdir(exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", command.script(), cwd=path, env={**environment, "COUNTERSIGN_RUN_DIR": str(notes)},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def succeeds(path: Path, step: Step) -> None:
    """Run the command of a step."""
    assert isinstance(step.act, Shell)
    status, said = await run(path, step.act.command)
    assert status == 0, (step.key, said)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_planned_works(kind: str, laravel_at_first: Application) -> None:
    path = laravel_at_first.path
    KINDS[kind].make(path)
    steps, skipped = planned(path)
    assert set(_CACHES) - set(steps) == KINDS[kind].left_out
    assert all(skipped[key] for key in KINDS[kind].left_out)
    before = set(path.rglob("resources/*"))
    for key in _CACHES:
        if key in steps:
            await succeeds(path, steps[key])
    assert set(path.rglob("resources/*")) == before


@pytest.mark.parametrize("flag", FLAGS)
async def test_maintenance_is_seen_wherever_its_flag_lies(flag: str, laravel_at_first: Application) -> None:
    path = laravel_at_first.path
    FLAGS[flag](path)
    steps, _ = planned(path)
    assert RECIPE.maintenance is not None
    asked = [fill(RECIPE.maintenance, {"php": "php"}), steps["maintenance-on"].check, steps["maintenance-off"].check]

    async def answers() -> list[int | None]:
        return [(await run(path, command))[0] for command in asked if command is not None]

    assert await answers() == [1, 1, 0]
    await succeeds(path, steps["maintenance-on"])
    assert await answers() == [0, 0, 1]
    await succeeds(path, steps["maintenance-off"])
    assert await answers() == [1, 1, 0]


async def app_runs(path: Path, maintenance: str = "always") -> tuple[int | None, str]:
    """Run the step that looks before the plan whether the application can be deployed at all."""
    target = replace(TARGET, path=str(path), vars={**VARS, "maintenance": maintenance})
    act = next(step.act for step in before_plan(RECIPE, target, "R-7K3F9Q") if step.key == "app-runs")
    assert isinstance(act, Shell)
    return await run(path, act.command)


async def test_a_folder_that_steps_behind_the_gate_need_is_missed_before_it(tmp_path: Path) -> None:
    path = tmp_path / "compte"
    for folder in ("storage/framework", "bootstrap/cache"):
        (path / folder).mkdir(parents=True)
    assert (await app_runs(path))[0] == 0
    (path / "storage/framework").rmdir()
    assert (await app_runs(path, "never"))[0] == 0
    status, said = await app_runs(path, "if-migrations")
    assert (status, "storage/framework is missing" in said) == (1, True)
    (path / "storage").rmdir()
    (path / "storage").symlink_to(tmp_path / "gone")
    status, said = await app_runs(path, "never")
    assert (status, "storage is a link to a folder that is not there" in said) == (1, True)


async def said_by(path: Path, key: str, way: RunKind = RunKind.DEPLOY, **variables: VarValue) -> tuple[int | None, str]:
    """Run a planned step of an application with a migration to run or to undo."""
    steps, _ = planned(path, way, migrations=("2026_01_01_000000_next",), **variables)
    act = steps[key].act
    assert isinstance(act, Shell)
    return await run(path, act.command)


async def test_what_artisan_would_find_out_behind_the_gate_is_known_before_it(laravel_at_first: Application) -> None:
    path = laravel_at_first.path
    assert await said_by(path, "artisan-works") == (0, "")
    assert await said_by(path, "artisan-works", render="errors::503") == (0, "")
    status, said = await said_by(path, "artisan-works", render="errors::of-ours")
    assert (status, "no view errors::of-ours" in said) == (1, True)
    replace_in(path / "app/Providers/RouteServiceProvider.php", "public function boot", "syntax error function boot")
    status, said = await said_by(path, "artisan-works")
    assert (status, "syntax error" in said, "does not start" in said) == (1, True, True)


async def test_a_view_that_is_to_be_shown_is_made_ready(laravel_at_first: Application) -> None:
    steps, _ = planned(laravel_at_first.path, render="errors::503")
    await succeeds(laravel_at_first.path, steps["maintenance-on"])
    down = (laravel_at_first.path / "storage/framework/down").read_text()
    assert ('"retry": 60' in down, "<html" in down) == (True, True)


async def test_a_dump_of_the_schema_needs_its_program_where_it_would_be_loaded(laravel_at_first: Application) -> None:
    path = laravel_at_first.path
    write(path, {"database/schema/mysql-schema.sql": "-- a dump"})
    await git(path, "add", "--all")
    await git(path, "commit", "--quiet", "-m", "a dump")
    without = {**os.environ, "PATH": str(path.parent / "few")}
    (path.parent / "few").mkdir()
    for name in ("php", "git", "id", "cat", "sh"):
        (path.parent / "few" / name).symlink_to(shutil.which(name) or name)
    steps, _ = planned(path)
    act = steps["artisan-works"].act
    assert isinstance(act, Shell)
    assert (await run(path, act.command, without))[0] == 0
    replace_in(path / "config/database.php", "'migrations' => 'migrations'", "'migrations' => 'changes'")
    status, said = await run(path, act.command, without)
    assert (status, "loaded into the empty database by mysql, which is not installed" in said) == (1, True)
    assert (await run(path, act.command))[0] == 0


async def test_undoing_that_the_application_forbids_is_known_before_anybody_is_asked(
    laravel_at_first: Application,
) -> None:
    path = laravel_at_first.path
    assert await said_by(path, "can-undo", RunKind.ROLLBACK) == (0, "")
    forbid = "if (method_exists('Illuminate\\Support\\Facades\\DB', 'prohibitDestructiveCommands'))"
    forbid += " { \\Illuminate\\Support\\Facades\\DB::prohibitDestructiveCommands(); }"
    register(path, "Careful", forbid)
    status, said = await said_by(path, "can-undo", RunKind.ROLLBACK)
    by_itself, _ = await run(path, Command((Syntax("php artisan migrate:rollback --force --step=0"),)))
    assert (status == 1) == (by_itself == 1) == ("forbids migrate:rollback" in said)


async def test_composer_and_builds_run_by_the_php_of_the_application(tmp_path: Path) -> None:
    path, programs = tmp_path / "compte", tmp_path / "bin"
    write(tmp_path, {"compte/package.json": "{}", "compte/package-lock.json": "{}"})
    write(programs, {
        "php": "#!/bin/sh\necho 'the wrong one'; exit 1\n",
        "php8.3": "#!/bin/sh\necho 'the right one'\n",
        "composer": "#!/usr/bin/env php\n",
        "npm": "#!/bin/sh\nexec php artisan wayfinder:generate\n",
    })  # fmt: skip
    for program in programs.iterdir():
        program.chmod(0o755)
    steps, _ = planned(path, php="php8.3")
    for key, times in (("composer", 1), ("assets", 2)):
        act = steps[key].act
        assert isinstance(act, Shell)
        found = await run(path, act.command, {"PATH": f"{programs}:{os.environ['PATH']}"})
        assert found == (0, "the right one\n" * times)


_NEXT = f"{MIGRATIONS}/2026_01_01_000000_next.php"
_KERNEL = "Illuminate\\\\Contracts\\\\Console\\\\Kernel"


def migrating(path: Path) -> Command:
    """Give the command that runs the application's next migration."""
    steps, _ = planned(path, migrations=(Path(_NEXT).stem,))
    act = steps["migrate"].act
    assert isinstance(act, Migrate)
    return Command((Syntax("set -- "), Word(str(path / _NEXT)), Syntax("\n"), *act.command.parts))


@pytest.fixture
async def can_isolate(laravel_at_first: Application) -> bool:
    """Whether this Laravel has `migrate --isolated`; the next migration is there, and may be run."""
    write(laravel_at_first.path, {_NEXT: add_column("next")})
    assert await said_by(laravel_at_first.path, "artisan-works") == (0, "")
    return "--isolated" in await laravel_at_first.artisan("migrate", "--help")


async def test_no_migration_runs_beside_one_that_is_isolated(laravel_at_first: Application, can_isolate: bool) -> None:
    path = laravel_at_first.path
    take = "$app->make('cache')->lock('framework/command-migrate', 600)->get() || exit(1);"
    boot = f"require 'vendor/autoload.php'; $app = require 'bootstrap/app.php'; $app->make('{_KERNEL}')->bootstrap();"
    await laravel_at_first.run("php", "-r", boot + take)
    known, words = await said_by(path, "artisan-works")
    status, said = await run(path, migrating(path))
    has_run = "Ran" in (await laravel_at_first.artisan("migrate:status")).partition("_next")[2]
    if can_isolate:
        assert (known, status, has_run) == (1, 75, False)
        assert "Another artisan migrate --isolated is running" in words
        assert "Another artisan migrate --isolated is running" in said
    else:
        assert (known, status) == (0, 0)


async def test_a_missing_table_of_the_cache_fails_no_migration(
    laravel_at_first: Application, can_isolate: bool
) -> None:
    path = laravel_at_first.path
    _cache_without_table(path)
    assert await said_by(path, "artisan-works") == (0, "")
    status, said = await run(path, migrating(path))
    assert status == 0, (said, can_isolate)


async def test_a_migration_that_is_ended_leaves_no_lock(laravel_at_first: Application, can_isolate: bool) -> None:
    path = laravel_at_first.path
    write(path, {_NEXT: migration("touch(base_path('begun')); DB::select('select sleep(60)');")})
    command = migrating(path)
    notes = {**os.environ, "COUNTERSIGN_RUN_DIR": str(path.parent / "notes")}
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", command.script(), cwd=path, env=notes, start_new_session=True, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    await eventually((path / "begun").exists, 30, what="the migration has begun")
    status, _ = await said_by(path, "artisan-works")
    assert status == (1 if can_isolate else 0)
    os.killpg(process.pid, signal.SIGTERM)
    await process.communicate()
    assert await said_by(path, "artisan-works") == (0, "")


async def test_services_are_reloaded_and_workers_told_where_they_are_named(tmp_path: Path) -> None:
    path, programs = tmp_path / "compte", tmp_path / "bin"
    path.mkdir()
    write(programs, {"sudo": '#!/bin/sh\necho "sudo $*"\n', "php": '#!/bin/sh\necho "php $*"\n'})
    for program in programs.iterdir():
        program.chmod(0o755)
    steps, skipped = planned(path, reload=("nginx",), workers=("queue", "horizon", "octane", "reverb"))
    said = []
    for key, step in steps.items():
        if key.startswith(("reload-", "workers-")):
            assert isinstance(step.act, Shell)
            _, words = await run(path, step.act.command, {"PATH": f"{programs}:{os.environ['PATH']}"})
            said += words.splitlines()
    assert said == [
        "sudo -n systemctl reload nginx",
        *(f"php artisan {word}" for word in ("queue:restart", "horizon:terminate", "octane:reload", "reverb:restart")),
    ]
    steps, skipped = planned(path)
    assert not {"reload", "workers"} & {*steps, *skipped}
