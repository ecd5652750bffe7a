"""What is installed is what is in the repository: no file that the program reads at run time is left out."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.docs.support.pages import ROOT

NEEDED = (
    "bot/py.typed",
    "bot/hosts/runner.sh",
    "bot/databases/scripts/dump.sh",
    "bot/recipes/builtin/laravel.yaml",
    "bot/recipes/builtin/shell.yaml",
    "bot/store/migrations/env.py",
    "bot/store/migrations/script.py.mako",
    "bot/playground/page/index.html",
    "bot/demo/application/files/seed.sql",
    "bot/demo/application/files/first/artisan",
    "bot/demo/application/files/first/dot-gitignore",
    "bot/demo/application/files/first/storage/framework/dot-gitignore",
)


def tracked() -> set[str]:
    """Give the files of the packages as git has them at HEAD."""
    listed = subprocess.run(
        ["git", "ls-tree", "-r", "--name-only", "-z", "HEAD", "bot", "commands"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return {name for name in listed.split("\0") if name}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Build a wheel of HEAD, without the network, and give the names in it."""
    folder = tmp_path_factory.mktemp("wheel")
    archive = folder / "head.tar"
    subprocess.run(["git", "archive", "--output", str(archive), "HEAD"], cwd=ROOT, check=True)
    (folder / "source").mkdir()
    # Not by tarfile: that of Debian 12's Python cannot be told to be careful, and warns elsewhere if it is not told.
    subprocess.run(["tar", "-xf", str(archive), "-C", str(folder / "source")], cwd=ROOT, check=True)
    build = (
        "import sys; from setuptools import build_meta; "
        "print(build_meta.build_wheel(sys.argv[1]))"
    )  # fmt: skip
    subprocess.run(
        [sys.executable, "-c", build, str(folder)], cwd=folder / "source", check=True, capture_output=True, text=True
    )
    [made] = folder.glob("*.whl")
    with zipfile.ZipFile(made) as content:
        return set(content.namelist())


def test_a_wheel_has_every_file_of_the_packages(wheel: set[str]) -> None:
    assert tracked() - wheel == set()


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_read_at_run_time_is_there(wheel: set[str], name: str) -> None:
    assert name in wheel


def test_only_the_packages_are_installed(wheel: set[str]) -> None:
    tops = {Path(name).parts[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"bot", "commands"}
