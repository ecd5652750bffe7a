"""From a checkout, or what another tool left, to releases and back: the steps, with real git and artisan."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.demo.application.application import Application
from bot.demo.application.git import git
from bot.domain.runs.plan import Step
from bot.domain.targets.layout import Checkout, FoundLayout, Layouts, NewRelease, Releases, release_name
from bot.domain.targets.look import HostQuestion
from bot.hosts.look_answer import parse_answer
from bot.hosts.look_question import build_question
from bot.recipes.layout_steps import layout_steps
from bot.recipes.load import load_recipe
from bot.recipes.recipe import RunKind
from bot.recipes.step_inputs import StepInputs
from tests.recipes.test_releases import AT, VARS, Root, killed
from tests.support.examples import HOST, TARGET
from tests.support.laravel_oddities import write


def found_at(path: Path) -> FoundLayout:
    question = HostQuestion(path=str(path), survey=str(path))
    script = build_question(question, "nonce").script()
    facts = parse_answer("web1", question, subprocess.run(["sh", "-c", script], capture_output=True).stdout, "nonce")
    assert facts.found is not None
    return facts.found


class Site(Root):
    """A folder whose layout is changed."""

    def __init__(self, laravel: Application) -> None:
        super().__init__(laravel.path, laravel)

    @property
    def found(self) -> FoundLayout:
        return found_at(self.path)

    def layout_steps(self, layout: Releases | Checkout) -> list[Step]:
        target = replace(TARGET, path=str(self.path), vars=VARS, layout=layout, database=None)
        self.deploys += 1
        release = NewRelease(release_name(AT, self.found.sha)) if isinstance(layout, Releases) else None
        facts = replace(HOST, existing=frozenset({"resources/views"}))
        sha = self.found.sha
        inputs = StepInputs("R-1", RunKind.DEPLOY, sha, sha, (facts,), (), False, None, release=release)
        return [step for step in layout_steps(load_recipe("laravel", Path()), target, inputs) if step.phase == "change"]

    async def convert(self) -> str:
        return await self.succeeds(*self.layout_steps(self.layout))

    async def artisan_works(self) -> bool:
        """Whether the artisan that cron and workers call starts."""
        process = await asyncio.create_subprocess_exec(
            "php", str(self.path / "artisan"), "--version", cwd="/", env=dict(self.laravel.environment)
        )
        return await process.wait() == 0


def content(folder: Path) -> dict[str, object]:
    """What is there, links as links."""
    return {
        str(path.relative_to(folder)): path.readlink() if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if (path.is_symlink() or path.is_file()) and "bootstrap/cache" not in str(path) and ".git/" not in str(path)
    }


@pytest.fixture
def site(laravel_at_first: Application) -> Site:
    return Site(laravel_at_first)


async def test_a_checkout_becomes_releases_without_a_change_of_what_is_served_and_back(site: Site) -> None:
    write(site.path, {"public/build/app-1.js": "built", "storage/app/kept.txt": "kept"})
    before = content(site.path)
    assert site.found.lies is Layouts.CHECKOUT
    steps = site.layout_steps(site.layout)
    await site.succeeds(*(step for step in steps if step.key not in {"lead", "queue-restart"}))
    # Up to here nothing that is live was touched.
    assert {path: was for path, was in content(site.path).items() if path in before} == before
    assert not (site.path / "public").is_symlink()
    await site.succeeds(*(step for step in steps if step.key in {"lead", "queue-restart"}))
    assert site.found == FoundLayout(Layouts.CONVERTED, site.found.sha, site.live)
    for one in ("public", "artisan"):
        assert (site.path / one).readlink() == Path("current") / one
    for path in ("public/build/app-1.js", "public/index.php"):
        assert (site.path / path).read_bytes() == before[path]
    assert (site.path / "current/storage/app/kept.txt").read_text() == "kept"
    assert (site.path / "current/.env").samefile(site.path / ".env")

    # The next deploy goes on as if it had always been so.
    sha = await site.commit({"public/said.txt": "new", "app/New.php": "<?php // new"})
    second = await site.deploy(sha)
    assert (site.path / "public/said.txt").read_text() == "new"
    assert not (site.path / "app/New.php").exists()
    assert await site.artisan_works()
    assert (site.path / "public").resolve() == site.path.resolve() / "releases" / second / "public"

    await site.succeeds(*site.layout_steps(Checkout()))
    assert site.found == FoundLayout(Layouts.CHECKOUT, sha, "")
    assert await git(site.path, "status", "--porcelain", "--untracked-files=no") == ""
    assert not any((site.path / one).is_symlink() for one in ("public", "artisan", ".env", "storage"))
    for path, text in (("public/said.txt", "new"), ("app/New.php", "<?php // new"), ("public/build/app-1.js", "built")):
        assert (site.path / path).read_text() == text
    assert (site.path / "storage/app/kept.txt").read_text() == "kept"
    assert await site.artisan_works()
    # And once more to releases.
    await site.convert()
    assert site.found.lies is Layouts.CONVERTED
    assert site.found.sha == sha


KILLS = [("first-release", "worktree"), ("first-release", "tar"), ("lead", "ln"), ("lead", "mv"), ("lead", "rm")]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(("key", "program"), KILLS)
async def test_whatever_is_killed_the_site_goes_on_and_the_next_run_ends_what_was_begun(
    site: Site, key: str, program: str, moment: str
) -> None:
    served = (site.path / "public/index.php").read_bytes()
    for step in site.layout_steps(site.layout):
        if step.key == key:
            await killed(site, step, program, moment)
            break
        await site.succeeds(step)
    assert (site.path / "public/index.php").read_bytes() == served
    assert await site.artisan_works()
    assert site.found.lies in {Layouts.CHECKOUT, Layouts.HALF}
    await site.convert()
    assert site.found.lies is Layouts.CONVERTED
    assert await site.artisan_works()


async def test_a_change_of_places_that_was_cut_in_two_is_ended_in_either_direction(site: Site) -> None:
    await site.convert()
    layouts: tuple[Releases | Checkout, ...] = (site.layout, Checkout())
    for layout, wanted in zip(layouts, (Layouts.CONVERTED, Layouts.CHECKOUT), strict=True):
        (site.path / "artisan").unlink()
        shutil.copy2(site.path / "current/artisan", site.path / "artisan")
        assert site.found.lies is Layouts.HALF
        await site.succeeds(*site.layout_steps(layout))
        assert site.found.lies is wanted
        assert await site.artisan_works()


async def test_what_was_changed_by_hand_is_not_taken_along(site: Site) -> None:
    (site.path / "routes/web.php").write_text("<?php // by hand")
    status, said = await site.run(site.layout_steps(site.layout)[0])
    assert (status, "routes/web.php" in said) == (1, True), said
    assert site.found.lies is Layouts.CHECKOUT
    await git(site.path, "checkout", "--", "routes/web.php")
    # What was left half-made is in nobody's way.
    await site.convert()
    assert site.found.lies is Layouts.CONVERTED


def _deployer(root: Path, origin: str, sha: str) -> None:
    _archived(root, origin, sha, "7", ".dep/repo")
    (root / ".dep/releases_log").write_text('{"release_name": "7"}\n')
    _share(root, "releases/7")
    shutil.rmtree(root / "releases/7/tests", ignore_errors=True)  # as `export-ignore` does


def _capistrano(root: Path, origin: str, sha: str) -> None:
    _archived(root, origin, sha, "20260101010101", "repo")
    (root / "revisions.log").write_text("Branch main deployed\n")
    _share(root, "releases/20260101010101")


def _envoyer(root: Path, origin: str, sha: str) -> None:
    _archived(root, origin, sha, "20260101010101", "repo")
    subprocess.run(["git", "init", "--quiet", "--bare", root / "repository.git"], check=True)
    subprocess.run(["git", "-C", root / "repository.git", "remote", "add", "origin", origin], check=True)
    shutil.rmtree(root / "repo")
    release = root / "releases/20260101010101"
    for item in (".env", "storage"):
        (release / item).rename(root / item)
        (release / item).symlink_to(f"../../{item}")


def _archived(root: Path, origin: str, sha: str, name: str, mirror: str) -> None:
    """Turn a checkout into the release of another tool, which has no git folder."""
    shutil.rmtree(root / ".git")
    whole = root.with_name("whole")
    root.rename(whole)
    (root / "releases").mkdir(parents=True)
    whole.rename(root / "releases" / name)
    (root / "releases" / name / "REVISION").write_text(f"{sha}\n")
    (root / mirror).parent.mkdir(exist_ok=True)
    subprocess.run(["git", "clone", "--quiet", "--mirror", origin, root / mirror], check=True)
    (root / "current").symlink_to(f"releases/{name}")


def _share(root: Path, release: str) -> None:
    (root / "shared").mkdir()
    for item in (".env", "storage"):
        (root / release / item).rename(root / "shared" / item)
        (root / release / item).symlink_to(f"../../shared/{item}")


TOOLS = {Layouts.DEPLOYER: _deployer, Layouts.CAPISTRANO: _capistrano, Layouts.ENVOYER: _envoyer}


@pytest.mark.parametrize("tool", TOOLS)
async def test_what_another_tool_left_is_taken_over(site: Site, tool: Layouts) -> None:
    sha = await git(site.path, "rev-parse", "HEAD")
    write(site.path, {"public/build/app-1.js": "built"})
    make: Callable[[Path, str, str], None] = TOOLS[tool]
    await asyncio.to_thread(make, site.path, str(site.laravel.origin), sha)
    theirs = site.live
    assert site.found == FoundLayout(tool, sha, theirs)
    await site.convert()
    assert site.found == FoundLayout(Layouts.RELEASES, sha, site.live)
    assert site.live != theirs
    assert theirs in site.names
    assert (site.path / "current/public/build/app-1.js").read_text() == "built"
    assert (site.path / "current/.env").exists()
    second = await site.deploy(await site.commit({"public/said.txt": "new"}))
    assert (site.path / "current/public/said.txt").read_text() == "new"
    assert {theirs, second} <= site.names


async def test_without_a_word_of_its_commit_or_origin_nothing_is_taken_over(site: Site) -> None:
    sha = await git(site.path, "rev-parse", "HEAD")
    await asyncio.to_thread(_capistrano, site.path, str(site.laravel.origin), sha)
    shutil.rmtree(site.path / "repo")
    status, said = await site.run(site.layout_steps(site.layout)[0])
    assert (status, "remote add origin URL" in said) == (1, True)
    (site.path / "current/REVISION").unlink()
    assert site.found == FoundLayout(Layouts.CAPISTRANO, "", site.live)


def test_other_folders_are_seen_for_what_they_are(tmp_path: Path) -> None:
    assert found_at(tmp_path / "none").lies is Layouts.NOTHING
    assert found_at(tmp_path).lies is Layouts.EMPTY
    (tmp_path / "x").touch()
    assert found_at(tmp_path).lies is Layouts.NOTHING
