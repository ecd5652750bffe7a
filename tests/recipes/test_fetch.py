"""The step `fetch` of each recipe with real git: branches that are gone at origin are forgotten, tags never."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bot.domain.shell import fill
from bot.recipes.load import builtin_names, load_recipe
from tests.hosts.test_look import Repository, git


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.fixture(params=builtin_names())
def recipe(request: pytest.FixtureRequest) -> str:
    assert isinstance(request.param, str)
    return request.param


def run(recipe: str, key: str, folder: Path, *, check: bool = False, **values: str) -> subprocess.CompletedProcess[str]:
    """Run the command of a recipe's step, or its check, as a host would."""
    loaded = load_recipe(recipe, Path())
    spec = next(spec for spec in (*loaded.prepare, *loaded.change, *loaded.verify) if spec.key == key)
    template = spec.check if check else spec.run
    assert template is not None
    script = fill(template, values).script()
    return subprocess.run(["sh", "-c", script], cwd=folder, capture_output=True, text=True, check=False)


def fetch(recipe: str, repository: Repository) -> None:
    ended = run(recipe, "fetch", repository.path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def fetched(repository: Repository) -> set[str]:
    refs = git(repository.path, "for-each-ref", "--format=%(refname)", "refs/remotes", "refs/tags")
    return set(refs.split()) - {"refs/remotes/origin/HEAD"}


def test_a_withdrawn_branch_is_forgotten_and_every_tag_stays(recipe: str, repository: Repository) -> None:
    git(repository.origin, "branch", "withdrawn")
    fetch(recipe, repository)
    assert "refs/remotes/origin/withdrawn" in fetched(repository)
    git(repository.path, "tag", "made-here")
    git(repository.path, "branch", "made-here-too")
    # neither may a setting of the host take the tags
    git(repository.path, "config", "fetch.pruneTags", "true")
    git(repository.path, "config", "remote.origin.pruneTags", "true")
    git(repository.path, "config", "fetch.prune", "true")
    git(repository.origin, "tag", "new", "main")
    git(repository.origin, "tag", "--force", "v2", "main")
    git(repository.origin, "branch", "-D", "withdrawn")
    fetch(recipe, repository)
    assert fetched(repository) == {"refs/remotes/origin/main", "refs/tags/made-here", "refs/tags/v2", "refs/tags/new"}
    assert git(repository.path, "rev-parse", "v2") == repository.third
    assert git(repository.path, "rev-parse", "made-here-too")
    assert git(repository.path, "rev-parse", "HEAD") == repository.first


def test_a_branch_may_become_a_folder_of_branches_and_a_branch_again(recipe: str, repository: Repository) -> None:
    git(repository.origin, "branch", "feature")
    fetch(recipe, repository)
    git(repository.origin, "branch", "-D", "feature")
    git(repository.origin, "branch", "feature/two")
    fetch(recipe, repository)
    assert "refs/remotes/origin/feature/two" in fetched(repository)
    git(repository.path, "pack-refs", "--all")
    git(repository.origin, "branch", "-D", "feature/two")
    git(repository.origin, "branch", "feature")
    fetch(recipe, repository)
    assert "refs/remotes/origin/feature" in fetched(repository)
    assert "refs/remotes/origin/feature/two" not in fetched(repository)


def test_a_fetch_that_fails_fails_the_step(recipe: str, repository: Repository) -> None:
    git(repository.path, "remote", "set-url", "origin", str(repository.origin / "no-such"))
    assert run(recipe, "fetch", repository.path).returncode != 0
