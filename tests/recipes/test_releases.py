"""The steps for releases, with real git and a real Laravel application."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.demo.application.application import Application
from bot.demo.application.git import git
from bot.domain.runs.acts import Migrate, Shell
from bot.domain.runs.plan import Phase, Step
from bot.domain.targets.layout import KeptRelease, NewRelease, Releases, release_name
from bot.domain.targets.target import VarValue
from bot.recipes.load import load_recipe
from bot.recipes.recipe import RunKind
from bot.recipes.step_inputs import StepInputs
from bot.recipes.steps import recipe_steps
from tests.support.disks import fill, small_disk
from tests.support.examples import HOST, TARGET
from tests.support.laravel_oddities import write
from tests.support.releases import releases_of

AT = datetime(2096, 12, 1, 5, 50, tzinfo=UTC)
"""Later than the first release, which is named by the clock."""
VARS: Mapping[str, VarValue] = {"php": "php", "retry": 60, "render": "", "maintenance": "never"}
_SLOW = {"composer", "packages", "route-cache", "view-cache", "event-cache", "optimize"}


@dataclass
class Root:
    """A folder with releases.

    Args:
        path: of it.
        laravel: the application that it was made of.
        keep: releases that are kept.
        deploys: how many there were.
    """

    path: Path
    laravel: Application
    keep: int = 5
    deploys: int = 0

    @property
    def layout(self) -> Releases:
        return Releases(str(self.path), self.keep)

    @property
    def live(self) -> str:
        return (self.path / "current").readlink().name

    @property
    def names(self) -> set[str]:
        return {folder.name for folder in (self.path / "releases").iterdir()}

    async def commit(self, files: Mapping[str, str]) -> str:
        """Push a commit, and fetch it."""
        author = self.laravel.author
        write(author, files)
        await git(author, "add", "--all")
        await git(author, "commit", "--quiet", "--allow-empty", "-m", "next")
        await git(author, "push", "--quiet", str(self.laravel.origin), "HEAD:main")
        await git(self.path / "current", "fetch", "--quiet", "origin")
        return await git(author, "rev-parse", "HEAD")

    def steps(
        self, sha: str, release: NewRelease | KeptRelease, way: RunKind = RunKind.DEPLOY, *changed: str
    ) -> dict[str, Step]:
        """Plan a run; give its steps that run commands."""
        target = replace(TARGET, path=self.layout.live, vars=VARS, layout=self.layout, database=None)
        there = frozenset({"resources/views", "public", "vendor", "package.json", "package-lock.json"})
        facts = replace(HOST, head=sha, existing=there, changed=changed)
        inputs = StepInputs("R-7K3F9Q", way, sha, sha, (facts,), (), False, None, release=release)
        recipe = load_recipe("laravel", Path()).laid_out(self.layout)
        steps, _ = recipe_steps(recipe, target, inputs)
        return {step.key: step for step in steps if step.phase in {Phase.PREPARE, Phase.CHANGE}}

    async def run(self, step: Step) -> tuple[int | None, str]:
        """Run the command of a step as a host would."""
        assert isinstance(step.act, Shell)
        notes = self.path.parent / f"notes-{self.deploys}"
        notes.mkdir(exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", step.act.command.script(), cwd=step.act.directory,
            env={**self.laravel.environment, "COUNTERSIGN_RUN_DIR": str(notes)}, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        return process.returncode, said.decode()

    async def succeeds(self, *steps: Step) -> str:
        """Run steps that must succeed; give what the last one printed."""
        said = ""
        for step in steps:
            status, said = await self.run(step)
            assert status == 0, (step.key, said)
        return said

    def next_release(self, sha: str) -> NewRelease:
        """Name the release of the next deploy."""
        self.deploys += 1
        return NewRelease(release_name(AT + timedelta(minutes=self.deploys), sha))

    async def deploy(self, sha: str) -> str:
        """Make a release of a commit live, without the steps that other tests run."""
        release = self.next_release(sha)
        await self.succeeds(*(step for step in self.steps(sha, release).values() if step.key not in _SLOW))
        assert self.live == release.name
        return release.name


@pytest.fixture
async def root(laravel_at_first: Application) -> Root:
    """The documented way from a checkout to releases."""
    return Root(await releases_of(laravel_at_first), laravel_at_first)


def _text(root: Root, path: str) -> str:
    return (root.path / "current" / path).read_text()


async def test_a_release_is_made_beside_the_live_one_and_switched_to_by_one_rename(root: Root) -> None:
    first = root.live
    sha = await root.commit({"public/said.txt": "new", "storage/app/kept/.gitignore": "*\n"})
    release = root.next_release(sha)
    steps = root.steps(sha, release)
    made = [*steps.values()][: [*steps].index("switch")]
    await root.succeeds(*made)
    assert root.live == first
    folder = root.path / "releases" / release.name
    assert await git(folder, "rev-parse", "HEAD") == sha
    assert await git(folder, "status", "--porcelain", "--untracked-files=no") == ""
    assert (folder / ".env").readlink() == Path("../../shared/.env")
    assert (folder / "storage").resolve() == root.path / "shared/storage"
    assert f"{folder}/bootstrap/cache/views" in (folder / "bootstrap/cache/config.php").read_text()
    assert [*(folder / "bootstrap/cache/views").glob("*.php")]
    await root.succeeds(steps["switch"])
    assert (root.path / "current").readlink() == Path("releases") / release.name
    assert _text(root, "public/said.txt") == "new"
    await root.succeeds(*[*steps.values()][[*steps].index("switch") :])
    assert root.names == {first, release.name}


async def test_the_way_back_is_the_link_and_takes_the_changed_env_along(root: Root) -> None:
    first = root.live
    before = await git(root.path / "current", "rev-parse", "HEAD")
    await root.deploy(await root.commit({"public/said.txt": "new"}))
    env = root.path / "shared/.env"
    env.write_text(env.read_text() + "APP_NAME=Elsewhere\n")
    steps = root.steps(before, KeptRelease(first), RunKind.ROLLBACK)
    assert [*steps] == ["log-mark", "config-again", "switch", "queue-restart", "prune"]
    await root.succeeds(*(steps[key] for key in ("config-again", "switch", "prune")))
    assert root.live == first
    assert "Elsewhere" in _text(root, "bootstrap/cache/config.php")


PLANTED = {
    "app/Planted.php": "<?php",
    "public/shell.php": "<?php",
    "public/.htaccess": "x",
    "public/build/.user.ini": "x",
    "vendor/planted/x.php": "<?php",
    "routes/web.php": "<?php // changed",
}


@pytest.mark.parametrize("path", PLANTED)
async def test_what_is_planted_while_the_release_is_made_keeps_it_from_going_live(root: Root, path: str) -> None:
    first = root.live
    sha = await root.commit({})
    release = root.next_release(sha)
    steps = root.steps(sha, release)
    await root.succeeds(steps["release"], steps["manifest"])
    folder = root.path / "releases" / release.name
    fine = {"public/build/app.js": "", "bootstrap/cache/x.php": "<?php", "vendor/composer/autoload_x.php": ""}
    write(folder, fine)
    await root.succeeds(steps["as-approved"])
    write(folder, {path: PLANTED[path]})
    mark = Path(await git(folder, "rev-parse", "--absolute-git-dir")) / "countersign-ready"
    mark.unlink()
    status, said = await root.run(steps["as-approved"])
    assert (status, f"./{path}" in said) == (1, True)
    assert (await root.run(steps["switch"]))[0] == 1
    assert root.live == first


async def test_what_lies_there_before_anything_ran_is_found_too(root: Root) -> None:
    sha = await root.commit({})
    release = root.next_release(sha)
    steps = root.steps(sha, release)
    await root.succeeds(steps["release"])
    write(root.path / "releases" / release.name, {"app/Planted.php": "<?php"})
    status, said = await root.run(steps["manifest"])
    assert (status, "app/Planted.php" in said) == (1, True)


async def test_half_made_releases_are_cleared_and_foreign_folders_are_not(root: Root) -> None:
    first = root.live
    half = root.next_release(sha := await root.commit({}))
    await root.succeeds(root.steps(sha, half)["release"])
    torn = root.path / "releases" / "20200101T000000Z-abcdef0"
    write(torn, {"some": "file"})
    write(root.path / "releases" / "of-mine", {"some": "file"})
    new = root.next_release(sha)
    said = await root.succeeds(root.steps(sha, new)["release"])
    assert half.name in said
    assert root.names == {first, "of-mine", new.name}
    # The step only reads: it may be done again, also over what a killed one left.
    (root.path / "releases" / new.name / "composer.json").unlink()
    await root.succeeds(root.steps(sha, new)["release"], root.steps(sha, new)["manifest"])


async def test_old_releases_go_but_never_the_live_one_or_the_one_before(root: Root) -> None:
    root.keep = 2
    old_sha = await git(root.path / "current", "rev-parse", "HEAD")
    names = [await root.deploy(await root.commit({"public/said.txt": str(number)})) for number in range(3)]
    assert root.names == {*names[1:]}
    # Back to the older of the two: it is live, and the newer one the one before, whatever else is made.
    kept = KeptRelease(names[1])
    sha = await git(root.path / "releases" / names[1], "rev-parse", "HEAD")
    steps = root.steps(sha, kept, RunKind.ROLLBACK)
    await root.succeeds(steps["switch"], steps["prune"])
    assert {names[1], names[2]} <= root.names
    assert await git(root.path / "current", "rev-parse", "HEAD") == sha != old_sha
    assert await git(root.path / "current", "status", "--porcelain", "--untracked-files=no") == ""


async def test_the_assets_of_the_release_before_still_answer_and_go_with_the_next_build(root: Root) -> None:
    public = root.path / "current" / "public"
    write(public, {"build/assets/app-1.js": "1", "hidden.php": "<?php"})
    await root.deploy(await root.commit({}))
    assert _text(root, "public/build/assets/app-1.js") == "1"
    assert not (root.path / "current/public/hidden.php").exists()

    async def built(name: str) -> None:
        sha = await root.commit({})
        release = root.next_release(sha)
        steps = root.steps(sha, release)
        await root.succeeds(steps["release"], steps["manifest"])
        write(root.path / "releases" / release.name, {f"public/build/assets/{name}.js": name})
        write(root.path.parent / f"notes-{root.deploys}", {"assets-built": ""})
        await root.succeeds(*(steps[key] for key in ("assets-kept", "as-approved", "switch")))

    await built("app-2")
    assert _text(root, "public/build/assets/app-1.js") == "1"
    await built("app-3")
    assert _text(root, "public/build/assets/app-2.js") == "app-2"
    assert not (root.path / "current/public/build/assets/app-1.js").exists()


async def test_a_disk_that_is_full_while_a_release_is_made_leaves_the_live_one_alone(root: Root) -> None:
    first, was = root.live, _text(root, ".git")
    with small_disk(root.path / "releases", 40) as disk:
        sha = await root.commit({})
        release = root.next_release(sha)
        filler = fill(disk)
        status, said = await root.run(root.steps(sha, release)["release"])
        assert status != 0, said
        assert (root.live, _text(root, ".git")) == (first, was)
        assert await git(root.path / "current", "status", "--porcelain", "--untracked-files=no") == ""
        filler.unlink()
        await root.deploy(sha)
        assert release.name not in root.names


KILLS = [
    ("release", "worktree"), ("release", "ln"), ("release", "cp"), ("as-approved", "mv"), ("switch", "ln"),
    ("switch", "mv"), ("prune", "rm"),
]  # fmt: skip
"""The step, and the program at which all of its processes are killed."""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(("key", "program"), KILLS)
async def test_whatever_is_killed_the_old_release_is_live_or_the_new_one(
    root: Root, key: str, program: str, moment: str
) -> None:
    root.keep = 2
    first = root.live
    await root.deploy(await root.commit({"public/said.txt": "1"}))
    before = root.live
    sha = await root.commit({"public/said.txt": "2"})
    release = root.next_release(sha)
    steps = {name: step for name, step in root.steps(sha, release).items() if name not in _SLOW}
    for name, step in steps.items():
        if name == key:
            await killed(root, step, program, moment)
            break
        await root.succeeds(step)
    assert root.live in {before, release.name}
    folder = root.path / "current"
    expected = {before: "1", release.name: "2"}[root.live]
    assert (folder / "public/said.txt").read_text() == expected
    assert await git(folder, "status", "--porcelain", "--untracked-files=no") == ""
    # The next run has no trouble with what is left, and leaves nothing of it.
    was = root.live
    last = await root.deploy(await root.commit({"public/said.txt": "3"}))
    assert all(_is_complete(root, name) for name in root.names)
    assert {was, last} <= root.names
    assert first not in root.names


async def killed(root: Root, step: Step, program: str, moment: str) -> None:
    """Run a step until it calls a program, and kill its whole group by SIGKILL, before or after that call."""
    assert isinstance(step.act, Shell)
    programs = root.path.parent / "killing"
    programs.mkdir(exist_ok=True)
    name = "git" if program == "worktree" else program
    kill, real = "kill -9 0", shutil.which(name)
    guarded = f'case " $* " in *" {program} add "*) {kill} ;; esac' if program == "worktree" else kill
    call = f'{real} "$@"; status=$?'
    order = (guarded, call) if moment == "before" else (call, guarded)
    (programs / name).write_text("#!/bin/sh\n" + "\n".join(order) + "\nexit $status\n")
    (programs / name).chmod(0o755)
    notes = root.path.parent / f"notes-{root.deploys}"
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", step.act.command.script(), cwd=step.act.directory, start_new_session=True,
        env={
            **root.laravel.environment, "COUNTERSIGN_RUN_DIR": str(notes),
            "PATH": f"{programs}:{root.laravel.environment['PATH']}",
        },
    )  # fmt: skip
    status = await process.wait()
    shutil.rmtree(programs)
    assert status == -signal.SIGKILL, f"{step.key} does not call {program}"


def _is_complete(root: Root, name: str) -> bool:
    line = (root.path / "releases" / name / ".git").read_text()
    return (Path(line.removeprefix("gitdir: ").strip()) / "countersign-ready").exists()


def test_steps_run_where_their_commit_is(root: Root) -> None:
    target = replace(TARGET, path=root.layout.live, vars={**VARS, "maintenance": "always"}, layout=root.layout)
    facts = replace(HOST, existing=frozenset({"public"}))
    new = NewRelease("n")
    inputs = StepInputs("R-1", RunKind.DEPLOY, "a" * 40, "b" * 40, (facts,), ("m",), True, None, release=new)
    steps, _ = recipe_steps(load_recipe("laravel", Path()).laid_out(root.layout), target, inputs)
    at = {step.key: step.act.directory for step in steps if isinstance(step.act, Shell | Migrate)}
    live, made = f"{root.path}/current", f"{root.path}/releases/n"
    assert {at[key] for key in ("log-mark", "maintenance-on", "maintenance-off", "artisan-works", "release")} == {live}
    assert {at[key] for key in ("manifest", "config-cache", "migrate", "switch", "queue-restart", "prune")} == {made}
