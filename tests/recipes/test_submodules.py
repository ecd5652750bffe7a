"""The steps `checkout` and `checkout-back` of each recipe with real git: submodules move with the commit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bot.recipes.load import builtin_names
from tests.hosts.test_look import Repository, git
from tests.recipes.test_fetch import run


class Application(Repository):
    """An application with a submodule that has a submodule itself; the checkout is two commits behind."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        git(self.path, "merge", "-q", "--ff-only", "origin/main")
        self.inner, self.library = folder / "inner", folder / "a library"
        for origin in (self.inner, self.library):
            origin.mkdir()
            git(origin, "init", "-q", "-b", "main")
            self._push(origin, "1")
        git(self.library, "submodule", "--quiet", "add", str(self.inner), "inner")
        self._push(self.library, "1")
        git(self.origin, "submodule", "--quiet", "add", str(self.library), "lib/a b")
        self.with_library = self.commit("with a library", 5)
        self._push(self.inner, "2")
        git(self.library / "inner", "pull", "-q", "origin", "main")
        self._push(self.library, "2")
        git(self.origin / "lib/a b", "pull", "-q", "origin", "main")
        self.newer_library = self.commit("with a newer library", 6)

    @staticmethod
    def _push(origin: Path, text: str) -> None:
        (origin / "version").write_text(text)
        git(origin, "add", "-A")
        git(origin, "commit", "-q", "-m", text)

    def step(self, recipe: str, key: str, sha: str) -> tuple[int, str]:
        ended = run(recipe, key, self.path, sha=sha)
        return ended.returncode, ended.stdout + ended.stderr

    def check(self, recipe: str, key: str, sha: str) -> int:
        return run(recipe, key, self.path, check=True, sha=sha).returncode

    @property
    def versions(self) -> list[str]:
        files = (self.path / "lib/a b/version", self.path / "lib/a b/inner/version")
        return [file.read_text() if file.exists() else "-" for file in files]


@pytest.fixture(params=builtin_names())
def recipe(request: pytest.FixtureRequest) -> str:
    assert isinstance(request.param, str)
    return request.param


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Application:
    for name, value in {"COUNT": "1", "KEY_0": "protocol.file.allow", "VALUE_0": "always"}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    return Application(tmp_path)


def test_forward_and_back(recipe: str, application: Application) -> None:
    assert application.step(recipe, "fetch", "")[0] == 0
    for key, sha, versions in (
        ("checkout", application.with_library, ["1", "1"]),
        ("checkout", application.newer_library, ["2", "2"]),
        ("checkout-back", application.with_library, ["1", "1"]),
        ("checkout-back", application.third, None),
        ("checkout", application.newer_library, ["2", "2"]),
    ):
        status, printed = application.step(recipe, key, sha)
        assert status == 0, printed
        assert git(application.path, "rev-parse", "HEAD") == sha
        assert versions in (None, application.versions)
        assert application.check(recipe, key, sha) == 0
        assert application.step(recipe, "commit-live", sha)[0] == 0


def test_what_was_fetched_before_the_gate_needs_no_origin_behind_it(recipe: str, application: Application) -> None:
    application.step(recipe, "fetch", "")
    assert application.step(recipe, "checkout", application.with_library)[0] == 0
    assert application.step(recipe, "fetch", "")[0] == 0
    shutil.move(application.library, f"{application.library} gone")
    shutil.move(application.inner, f"{application.inner} gone")
    status, printed = application.step(recipe, "checkout", application.newer_library)
    assert status == 0, printed
    assert application.versions == ["2", "2"]


def test_a_submodule_that_cannot_be_brought_fails_the_step_with_its_name(recipe: str, application: Application) -> None:
    application.step(recipe, "fetch", "")
    shutil.move(application.library, f"{application.library} gone")
    status, printed = application.step(recipe, "checkout", application.newer_library)
    assert status == 1
    assert f"the submodule lib/a b of commit {application.newer_library} could not be brought: " in printed
    assert "does not exist" in printed
    assert application.check(recipe, "checkout", application.newer_library) == 1
    assert application.step(recipe, "commit-live", application.newer_library)[0] == 1


def test_local_changes_in_a_submodule_are_not_overwritten(recipe: str, application: Application) -> None:
    application.step(recipe, "fetch", "")
    application.step(recipe, "checkout", application.with_library)
    (application.path / "lib/a b/version").write_text("by hand")
    status, printed = application.step(recipe, "checkout", application.newer_library)
    assert status != 0
    assert "the submodule lib/a b of commit" in printed
    assert application.versions[0] == "by hand"
