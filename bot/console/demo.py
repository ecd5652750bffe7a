"""`countersign demo`: the real bot, a workspace in the browser and a demonstration host, on this machine alone."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

_FAILED = 1

PortOption = Annotated[int, typer.Option(min=0, max=65535, help="The port of the page; 0 takes a free one.")]
TourOption = Annotated[bool, typer.Option("--tour", help="Let it play itself in the console, check it, and stop.")]


def register(app: typer.Typer) -> None:
    """Add the command.

    Args:
        app: the console.
    """

    @app.command()
    def demo(*, port: PortOption = 8080, tour: TourOption = False) -> None:
        """Try the bot on this machine: nothing to connect, nothing left behind."""
        # Loaded here: the other commands of the console start without what only the demonstration needs.
        from bot.demo.errors import DemoError
        from bot.demo.processes.programs import missing
        from bot.demo.run import run_demo, run_tour, until_signal

        lacking = missing()
        if lacking:
            for each in lacking:
                sys.stderr.write(f"{each.what} was not found (Debian package {each.package}).\n")
            sys.stderr.write("`make demo` installs what is missing. Nothing was started.\n")
            raise typer.Exit(_FAILED)
        try:
            status = asyncio.run(until_signal(run_tour() if tour else run_demo(port)))
        except (DemoError, OSError) as error:
            sys.stderr.write(f"{error}\nNothing of the demonstration was left running.\n")
            raise typer.Exit(_FAILED) from None
        raise typer.Exit(status)
