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
from bot.console.doctor_checks.finding import Finding, Verdict, fail, summary
from bot.console.output import say, standard_output
from bot.domain.secrets import Masker

_STYLES = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}
_WIDTH = max(len(verdict) for verdict in Verdict)


def register(app: typer.Typer) -> None:
    """Put the command on the program.

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
    """Make every check and tell each finding as soon as it is its turn.

    Args:
        env: the environment file; it may be missing.
        real: the real environment.
        console: where it is told.

    Returns:
        The exit status.
    """
    try:
        configuration = load_configuration(env, None, real, check_recipe)
    except ConfigurationError as error:
        broken = [fail("configuration", str(problem)) for problem in error.problems]
        for finding in broken:
            _tell(finding, console, Masker(()))
        say(console, f"{summary(broken)}; nothing was connected to", "bold red")
        return 1
    # Loaded here: the other commands of the console start faster without Slack, SSH and SQL.
    from bot.console.doctor_checks.examine import examine
    from bot.recipes.load import load_recipes

    masker = configuration.masker()
    found: list[Finding] = []
    async for finding in examine(configuration, load_recipes(configuration.operations.targets)):
        _tell(finding, console, masker)
        found.append(finding)
    failed = any(finding.verdict is Verdict.FAIL for finding in found)
    say(console, summary(found), "bold red" if failed else "bold green")
    return 1 if failed else 0


def _tell(finding: Finding, console: Console, masker: Masker) -> None:
    detail = masker.mask(" ".join(finding.detail.split()))
    say(console, f"{finding.verdict:<{_WIDTH}}  {finding.what}: {detail}", _STYLES[finding.verdict])
