"""`countersign manifest`: the Slack app's manifest, made of the commands that exist."""

from __future__ import annotations

import typer

from bot.console.output import standard_output


def register(app: typer.Typer) -> None:
    """Put the command on the program.

    Args:
        app: the program.
    """

    @app.command()
    def manifest() -> None:
        """Print the manifest of the Slack app (YAML), to be pasted at https://api.slack.com/apps."""
        # Loaded here: the other commands of the console start faster without Slack.
        from bot.slack.manifest import manifest as write_manifest
        from bot.slack.ports import ListedCommand
        from commands import all_commands, ops_command, status_command

        commands: tuple[ListedCommand, ...] = (*all_commands({}), status_command({}), ops_command())
        standard_output().out(write_manifest(commands), end="", highlight=False)
