"""`countersign init`: looks at a host, asks what it cannot see, and writes the first `ops.yaml` and `.env`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot.config.load import ENV_FILE
from bot.console.check import PROBLEMS
from bot.console.first_setup.questions import Questions, UnansweredError
from bot.console.output import print_text, standard_error, standard_output

_OPS_FILE = Path("ops.yaml")
_WRONG_USE = PROBLEMS


@dataclass(frozen=True)
class Flags:
    """What was said on the command line; None is not said.

    Args:
        script: an existing deploy script.
        host: `user@address:port` of the application's host.
        jump: the same of a host through which it is reached.
        key: path of the private key.
        known_hosts: path of the file of known hosts.
        fingerprints: of the hosts' keys, compared beforehand.
        path: of the application on the host.
        app: its name.
        environment: its name.
        branch: that is deployed.
        channel: Slack's ID.
        engineers: Slack's IDs, with commas.
        approvers: the same.
        approvals: how many of them.
        account: `new` or `app`.
        database: its name, or `none`.
        backups: a folder, or `none`.
        services: units with commas, or `none`.
        health_url: a URL, or `none`.
    """

    script: Path | None = None
    host: str | None = None
    jump: str | None = None
    key: str | None = None
    known_hosts: str | None = None
    fingerprints: tuple[str, ...] = ()
    path: str | None = None
    app: str | None = None
    environment: str | None = None
    branch: str | None = None
    channel: str | None = None
    engineers: str | None = None
    approvers: str | None = None
    approvals: str | None = None
    account: str | None = None
    database: str | None = None
    backups: str | None = None
    services: str | None = None
    health_url: str | None = None


def register(app: typer.Typer) -> None:
    """Register the command.

    Args:
        app: the program.
    """

    @app.command()
    def init(
        script: Annotated[Path | None, typer.Option("--from", help="deploy.sh, Envoy.blade.php, deploy.php …")] = None,
        host: Annotated[str | None, typer.Option(help="user@address[:port] of the application's host.")] = None,
        jump: Annotated[str | None, typer.Option(help="The same of a host that leads there, or `none`.")] = None,
        key: Annotated[str | None, typer.Option(help="Private key; default: the agent, then the usual files.")] = None,
        known_hosts: Annotated[str | None, typer.Option(help="Default: ~/.ssh/known_hosts.")] = None,
        fingerprint: Annotated[list[str], typer.Option(help="SHA256:… of a host's key, compared beforehand.")] = [],  # noqa: B006
        path: Annotated[str | None, typer.Option(help="The application's folder; default: it is looked for.")] = None,
        app_name: Annotated[str | None, typer.Option("--app", help="A name for the application.")] = None,
        environment: Annotated[str | None, typer.Option(help="A name for the environment: production.")] = None,
        branch: Annotated[str | None, typer.Option(help="What is deployed; default: what is checked out.")] = None,
        channel: Annotated[str | None, typer.Option(help="Slack's ID of the channel, C….")] = None,
        engineers: Annotated[str | None, typer.Option(help="Who may deploy: U…,S… or anyone.")] = None,
        approvers: Annotated[str | None, typer.Option(help="Who countersigns: U…,S….")] = None,
        approvals: Annotated[str | None, typer.Option(help="How many of them; default 1.")] = None,
        database: Annotated[str | None, typer.Option(help="Its name, or `none`; default: that of .env there.")] = None,
        database_account: Annotated[
            str | None, typer.Option(help="`new`: the bot's own; `app`: the application's, with its password.")
        ] = None,
        backups: Annotated[str | None, typer.Option(help="A folder on the host, or `none`.")] = None,
        services: Annotated[str | None, typer.Option(help="What is restarted: units with commas, or `none`.")] = None,
        health_url: Annotated[str | None, typer.Option(help="A page that must answer, or `none`.")] = None,
        ops: Annotated[Path, typer.Option(help="The operations file that is written.")] = _OPS_FILE,
        env: Annotated[Path, typer.Option(help="The environment file that is written.")] = ENV_FILE,
    ) -> None:
        """Look at a host, ask what cannot be seen, and write ops.yaml and .env (for its owner alone).

        Nothing is changed on the host, no secret is printed, and no file is overwritten. Prints what an administrator
        has to run. Exit status 0; 1 where it could not; 2 where an answer is missing or wrong.
        """
        flags = Flags(
            script, host, jump, key, known_hosts, tuple(fingerprint), path, app_name, environment, branch, channel,
            engineers, approvers, approvals, database_account, database, backups, services, health_url,
        )  # fmt: skip
        raise typer.Exit(asyncio.run(set_up(flags, ops, env, os.environ, standard_output())))


async def set_up(flags: Flags, ops: Path, env: Path, real: Mapping[str, str], console: Console) -> int:
    """Set the bot up for one application on one host.

    Args:
        flags: of the command line.
        ops: the operations file that is written.
        env: the environment file that is written.
        real: the real environment.
        console: where is printed.

    Returns:
        The exit status.
    """
    # Loaded here: the other commands of the console start faster without SSH.
    from bot.console.first_setup.session import CannotError, Session

    try:
        await Session(flags, ops, env, real, console, Questions(console)).run()
    except UnansweredError as error:
        print_text(standard_error(), f"{error}\nNothing was written.", "bold red")
        return _WRONG_USE
    except CannotError as error:
        print_text(standard_error(), f"{error}\nNothing was written.", "bold red")
        return 1
    return 0
