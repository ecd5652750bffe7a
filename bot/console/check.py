"""`countersign check`: `.env` and the operations file, offline."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot.config.load import ENV_FILE, Configuration, load_configuration
from bot.config.problems import ConfigurationError, ConfigurationProblem
from bot.config.recipe_vars import check_recipe
from bot.console.output import print_text, standard_output
from bot.console.rehearsal_text import rehearsal_text
from bot.domain.policies.called import MAX_CALLED, long_lists
from bot.domain.targets.target import Target
from bot.recipes.load import load_recipes
from bot.slack.render.builtin_catalog import ENGLISH, load_catalog
from bot.slack.render.catalog import CatalogError, read_catalog

PROBLEMS = 2
"""The exit status of a configuration error."""


def register(app: typer.Typer) -> None:
    """Register the command.

    Args:
        app: the program.
    """

    @app.command()
    def check(
        ops: Annotated[Path | None, typer.Option(help="The operations file; default: OPS_FILE, or ops.yaml.")] = None,
        env: Annotated[Path | None, typer.Option(help="The environment file; default: .env, if it is there.")] = None,
    ) -> None:
        """Check .env and the operations file; nothing is connected to.

        Prints every problem with its file, line and path. Exit status 0, or 2 where there is a problem.
        """
        raise typer.Exit(check_files(env, ops, os.environ, standard_output()))


def check_files(env: Path | None, ops: Path | None, real: Mapping[str, str], console: Console) -> int:
    """Check both files and print every problem.

    Args:
        env: the environment file; None takes `.env`, which may be missing.
        ops: the operations file; None takes `OPS_FILE`.
        real: the real environment.
        console: where the result is printed.

    Returns:
        The exit status.
    """
    missing = (
        ()
        if env is None or env.exists()
        else (ConfigurationProblem(str(env), None, "", "there is no such file; copy .env.example"),)
    )
    try:
        found = load_configuration(env or ENV_FILE, ops, real, check_recipe)
    except ConfigurationError as error:
        return _print_problems((*missing, *error.problems), console)
    if missing:
        return _print_problems(missing, console)
    try:
        lacking = _lacking(found.settings.language_dir)
    except CatalogError as error:
        return _print_problems((ConfigurationProblem(str(env or ENV_FILE), None, "LANGUAGE_DIR", str(error)),), console)
    if lacking:
        print_text(
            console,
            f"LANGUAGE_DIR: {len(lacking)} sentences are missing and stay in English: {', '.join(lacking[:3])} …",
        )
    _print_targets(found, console)
    return 0


def _lacking(language: Path | None) -> tuple[str, ...]:
    """Name the keys that the catalog lacks.

    Raises:
        CatalogError: the catalog cannot be used.
    """
    if language is None:
        return ()
    load_catalog(language)
    return read_catalog(language).missing_keys(ENGLISH)


def _print_problems(problems: tuple[ConfigurationProblem, ...], console: Console) -> int:
    for problem in problems:
        print_text(console, str(problem))
    print_text(console, "1 problem" if len(problems) == 1 else f"{len(problems)} problems", "bold red")
    return PROBLEMS


def _print_targets(found: Configuration, console: Console) -> None:
    recipes = load_recipes(found.operations.targets)
    for target in found.operations.targets.values():
        print_text(console, _line(target))
        told = rehearsal_text(target, recipes[target.name])
        if told is not None:
            print_text(console, f"{target.name}: migrations: {told}")
    for receiver in found.operations.receivers:
        print_text(console, f"told ({receiver.kind.value}): {receiver.host}; {', '.join(receiver.events)}")
    for name, reason in sorted(found.operations.unmasked.items()):
        print_text(console, f"not masked in messages and logs: {name} ({reason})")
    for (policy, command), number in sorted(long_lists(found.operations.targets).items()):
        print_text(console, f"policies.{policy}.approve.{command}: {long_list(number)}")
    print_text(console, "0 problems", "bold green")


def long_list(number: int) -> str:
    """Recommend a user group in place of many people."""
    return (
        f"{number} people and groups are asked; a request calls {MAX_CALLED} of them at once and the others later. "
        "A Slack user group in `from` is called as one"
    )


def _line(target: Target) -> str:
    parts = [f"recipe {target.recipe}", f"policy {target.policy.name}", f"hosts {', '.join(target.hosts)}"]
    if target.database is not None:
        parts.append(f"database {target.database.name}")
    if target.after is not None:
        parts.append(f"after {target.after.environment}")
    if target.checks and target.repository is not None:
        parts.append(f"checks {', '.join(target.checks)} at {target.repository.host} ({target.repository.kind.value})")
    return f"{target.name}: {'; '.join(parts)}"
