"""The console: `countersign …`, the same as `python -m bot …`."""

from __future__ import annotations

import typer

from bot.console import audit, check, demo, doctor, init, manifest, receipt, runs, serve, sign

app = typer.Typer(
    name="countersign",
    help="Operate production servers from Slack: planned, countersigned, reported step by step.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

for command in (serve, demo, init, check, runs, audit, sign, receipt, doctor, manifest):
    command.register(app)


def main() -> None:
    """Run the console."""
    app()


if __name__ == "__main__":
    main()
