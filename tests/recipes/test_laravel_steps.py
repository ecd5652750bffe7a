"""Every step that is planned for a kind of Laravel application works there, and what cannot work is left out."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.demo.application.application import Application
from bot.domain.runs.acts import Shell
from bot.domain.runs.plan import Step
from bot.domain.shell import Command, fill
from bot.recipes.load import load_recipe
from bot.recipes.questions import question
from bot.recipes.recipe import RunKind
from bot.recipes.step_inputs import StepInputs
from bot.recipes.steps import before_plan, recipe_steps
from tests.support.examples import HEAD, HOST, NEXT, TARGET
from tests.support.laravel_oddities import replace_in, write

VARS = {"php": "php", "retry": 60}
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


def _linked_storage(path: Path) -> None:
    shared = path.parent / "shared"
    shutil.move(path / "storage", shared)
    (path / "storage").symlink_to(shared)


def _maintenance_in_the_cache(path: Path) -> None:
    replace_in(
        path / "config/app.php", "return [", "return [\n    'maintenance' => ['driver' => 'cache', 'store' => 'file'],"
    )


KINDS: Mapping[str, Kind] = {
    "plain": Kind(lambda path: None),
    "routes that are closures": Kind(_closures),
    "no views": Kind(_no_views, frozenset({"view-cache"})),
    "no provider of events": Kind(_no_provider),
    "storage as a link": Kind(_linked_storage),
}


def planned(path: Path, maintenance: str = "always") -> tuple[dict[str, Step], dict[str, str]]:
    """Plan a deploy; give the steps and why others are left out, by their keys."""
    target = replace(TARGET, path=str(path), vars={**VARS, "maintenance": maintenance})
    there = frozenset(one for one in question(RECIPE, target, None).exists if (path / one).exists())
    facts = replace(HOST, existing=there, changed=())
    inputs = StepInputs("R-7K3F9Q", RunKind.DEPLOY, HEAD, NEXT, (facts,), (), takes_down=True, backup=None)
    steps, skipped = recipe_steps(RECIPE, target, inputs)
    return {step.key: step for step in steps}, {one.key: one.why for one in skipped}


async def run(path: Path, command: Command) -> tuple[int | None, str]:
    """Run a command as a host would."""
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", command.script(), cwd=path, env={**os.environ, "COUNTERSIGN_RUN_DIR": str(path.parent / "notes")},
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


@pytest.mark.parametrize("make", [lambda _: None, _maintenance_in_the_cache], ids=["file", "cache"])
async def test_maintenance_is_seen_wherever_its_flag_lies(
    make: Callable[[Path], None], laravel_at_first: Application
) -> None:
    path = laravel_at_first.path
    make(path)
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
