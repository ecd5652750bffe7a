"""A small, right operations file; tests break one thing at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.config.operations import CheckedRecipe, load_operations
from bot.config.problems import ConfigurationError
from bot.domain.targets.target import Operations

RIGHT = """\
version: 1
people:
  engineers: [U0AMELIE, U0BOB]
  releasers: [U0BOB, U0CLEO]
hosts:
  web1:
    address: a.example.com
    user: deploy
  web2: {address: b.example.com, user: deploy, port: 2222, jump: web1}
policies:
  careful:
    run: {deploy: [engineers], rollback: [anyone]}
    approve:
      deploy: {count: 1, from: [releasers], expires: 30m}
    backup_before: {deploy: if-migrations}
    freeze:
      - {from: "Fri 16:00", to: "Mon 08:00", timezone: Europe/Paris, reason: weekend}
apps:
  compte:
    recipe: laravel
    channels: [C0OPS]
    environments:
      production:
        policy: careful
        hosts: [web1]
        path: /var/www/compte
        branch: main
        database: {via: web1, host: 127.0.0.1, name: compte, user: compte, password: "${PASSWORD}"}
        backups: {directory: /var/backups, schedule: "0 3 * * *", keep: {daily: 7}}
        vars:
          services: [php-fpm]
"""

ENVIRONMENT = {"PASSWORD": "correct horse", "HOME": "/home/bot"}


def frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def accept(recipe: str, base: Path, values: Mapping[str, object]) -> CheckedRecipe:
    """Stands for the recipes: `laravel` takes everything but `colour`."""
    if recipe != "laravel":
        return CheckedRecipe(recipe_problems=(f"unknown recipe {recipe!r}; did you mean 'laravel'?",))
    wrong = tuple((name, "the recipe does not ask for it") for name in values if name == "colour")
    return CheckedRecipe({name: frozen(value) for name, value in values.items()}, var_problems=wrong)


def load(text: str, environment: Mapping[str, str] = ENVIRONMENT) -> Operations:
    return load_operations(text, Path("/etc/countersign/ops.yaml"), environment, accept)


def changed(old: str, new: str) -> str:
    assert RIGHT.count(old) == 1, f"{old!r} must stand once in the example"
    return RIGHT.replace(old, new)


def problems(text: str, environment: Mapping[str, str] = ENVIRONMENT) -> list[str]:
    try:
        load_operations(text, Path("ops.yaml"), environment, accept)
    except ConfigurationError as error:
        return [str(problem) for problem in error.problems]
    return []
