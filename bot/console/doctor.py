"""`countersign doctor`: connects to everything that is configured, and changes nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot.config.load import ENV_FILE, load_configuration
from bot.config.problems import ConfigurationError
from bot.config.recipe_vars import check_recipe
from bot.console.doctor_checks.check_result import CheckResult, CheckStatus, fail, summary
from bot.console.output import print_text, standard_output
from bot.domain.secrets import Masker

_STYLES = {CheckStatus.OK: "green", CheckStatus.WARN: "yellow", CheckStatus.FAIL: "bold red"}
_WIDTH = max(len(status) for status in CheckStatus)


def register(app: typer.Typer) -> None:
    """Register the command.

    Args:
        app: the program.
    """

    @app.command()
    def doctor(
        env: Annotated[Path, typer.Option(help="The file with the environment's variables.")] = ENV_FILE,
    ) -> None:
        """Connect to Slack, the store, each host and each database, and print one line a check.

        Nothing is changed anywhere. Exit status 0, or 1 where a check failed.
        """
        raise typer.Exit(asyncio.run(diagnose(env, os.environ, standard_output())))


async def diagnose(env: Path, real: Mapping[str, str], console: Console) -> int:
    """Make every check and print the results in order, each as soon as it and all before it are there.

    Args:
        env: the environment file; it may be missing.
        real: the real environment.
        console: where the results are printed.

    Returns:
        The exit status.
    """
    try:
        configuration = load_configuration(env, None, real, check_recipe)
    except ConfigurationError as error:
        broken = [fail("configuration", str(problem)) for problem in error.problems]
        for result in broken:
            _print(result, console, Masker(()))
        print_text(console, f"{summary(broken)}; nothing was contacted", "bold red")
        return 1
    # Loaded here: the other commands of the console start faster without Slack, SSH and SQL.
    from bot.console.doctor_checks.all_checks import all_checks
    from bot.recipes.load import load_recipes

    masker = configuration.masker()
    found: list[CheckResult] = []
    async for result in all_checks(configuration, load_recipes(configuration.operations.targets)):
        _print(result, console, masker)
        found.append(result)
    failed = any(result.status is CheckStatus.FAIL for result in found)
    print_text(console, summary(found), "bold red" if failed else "bold green")
    return 1 if failed else 0


def _print(result: CheckResult, console: Console, masker: Masker) -> None:
    detail = masker.mask(" ".join(result.detail.split()))
    print_text(console, f"{result.status:<{_WIDTH}}  {result.what}: {detail}", _STYLES[result.status])
    for line in result.remedy:
        # Without an indent: they are copied, and one of them may end a here-document.
        print_text(console, line)
