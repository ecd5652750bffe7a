"""`countersign runs`: what the bot remembers, also while it or Slack is down."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Protocol

import typer
from rich.console import Console

from bot.config.load import ENV_FILE, read_ops_file
from bot.config.problems import ConfigurationError
from bot.config.settings import ops_file_of, store_url_of
from bot.config.variables import Variables, read_variables
from bot.console import run_json, run_view
from bot.console.masking import masked_copy
from bot.console.output import say, standard_error, standard_output
from bot.console.run_output import assembled
from bot.domain.errors import Refused
from bot.domain.history import Head, Record
from bot.domain.names import nearest, parse_run_id
from bot.domain.plan_json import plan_digest
from bot.domain.run import Run
from bot.domain.secrets import Masker, Secret
from bot.engine.ports import Chunk
from bot.logs import masked
from bot.store import StoreError, StoreMissing, open_readonly

NO_SUCH_RUN = 1
CONFIGURATION_ERROR = 2
_HINTED = 5
_SEARCHED = 200


class RunReader(Protocol):
    """The reading side of the store."""

    async def get(self, run: str) -> Run | None:
        """Read one run, whole."""
        ...

    async def recent(self, limit: int) -> tuple[Run, ...]:
        """Read the latest runs, newest first."""
        ...

    async def output(self, run: str) -> tuple[Chunk, ...]:
        """Read what was kept of a run's output."""
        ...

    async def history(self, run: str | None = None) -> tuple[Record, ...]:
        """Read the history, of one run or all, in order."""
        ...

    async def records(self, after: int, limit: int) -> tuple[Record, ...]:
        """Read the records of history that follow a sequence, in order."""
        ...

    async def head(self) -> Head:
        """Read where the history ends, as it was noted apart from its records."""
        ...

    async def before(self, at: str) -> int:
        """Give a sequence that only records earlier than an instant have."""
        ...


@dataclass(frozen=True)
class Terminal:
    """Where a command writes, and what it must not show.

    Args:
        out: standard output.
        err: standard error.
        masker: of the secrets that are known here.
        now: the time, for what still goes.
    """

    out: Console
    err: Console
    masker: Masker
    now: datetime

    def data(self, data: object) -> None:
        """Write JSON."""
        text = json.dumps(masked(data, self.masker), ensure_ascii=False, indent=2)
        self.out.file.write(text + "\n")


Question = Callable[[RunReader, Terminal], Awaitable[int]]

EnvOption = Annotated[Path | None, typer.Option("--env", help="The environment file; default: .env.")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON, for scripts.")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Such as R-7K3F9Q; any case, R- may be left out.")]
LimitOption = Annotated[int, typer.Option(min=1, max=1000, help="How many.")]


def register(app: typer.Typer) -> None:
    """Put the commands on the program.

    Args:
        app: the program.
    """
    runs = typer.Typer(help="What the bot did and does; also while it or Slack is down.")
    app.add_typer(runs, name="runs")

    @runs.callback(invoke_without_command=True)
    def default(context: typer.Context, env: EnvOption = None, as_json: JsonOption = False) -> None:  # noqa: FBT002 - an option of the console
        """List, show and read runs. Without a word, the latest are listed."""
        context.obj = env
        if context.invoked_subcommand is None:
            _run(context, None, _listing(20, as_json=as_json))

    @runs.command("list")
    def list_(
        context: typer.Context,
        limit: LimitOption = 20,
        env: EnvOption = None,
        as_json: JsonOption = False,  # noqa: FBT002
    ) -> None:
        """List the latest runs, newest first."""
        _run(context, env, _listing(limit, as_json=as_json))

    @runs.command()
    def show(
        context: typer.Context,
        run: RunArgument,
        env: EnvOption = None,
        as_json: JsonOption = False,  # noqa: FBT002
    ) -> None:
        """Show one run: plan, approval, steps, history. Exit status 1 where there is no such run."""
        _run(context, env, _of_run(run, show_json if as_json else show_text))

    @runs.command()
    def log(
        context: typer.Context,
        run: RunArgument,
        env: EnvOption = None,
        as_json: JsonOption = False,  # noqa: FBT002
    ) -> None:
        """Print what the steps of a run printed. Exit status 1 where there is no such run."""
        _run(context, env, _of_run(run, log_json if as_json else log_text))


def _run(context: typer.Context, named: Path | None, question: Question) -> None:
    env: Path = named or context.obj or ENV_FILE
    raise typer.Exit(asyncio.run(ask(env, os.environ, question, standard_output(), standard_error())))


async def ask(env: Path, real: Mapping[str, str], question: Question, out: Console, err: Console) -> int:
    """Open the store, ask, and tell where that was not possible.

    Args:
        env: the environment file.
        real: the real environment.
        question: what is asked.
        out: standard output.
        err: standard error.

    Returns:
        The exit status.
    """
    variables = read_variables(env, real)
    try:
        url = store_url_of(variables)
    except ConfigurationError as error:
        for problem in error.problems:
            say(err, str(problem))
        return CONFIGURATION_ERROR
    terminal = Terminal(out, err, _masker(variables, url.secrets), datetime.now(UTC))
    try:
        async with open_readonly(url.reveal()) as reader:
            return await question(reader, terminal)
    except StoreMissing as error:
        say(err, str(error))
        return NO_SUCH_RUN
    except StoreError as error:
        say(err, str(error))
        return CONFIGURATION_ERROR


def _masker(variables: Variables, store: tuple[Secret, ...]) -> Masker:
    """Mask what can be a secret, even where the configuration as a whole is broken just now."""
    names = {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"}
    # Without the operations file its secrets are not known; the store holds masked text anyway.
    with suppress(ConfigurationError):
        names |= set(re.findall(r"password:[^\n]*?\$\{(\w+)\}", read_ops_file(ops_file_of(variables))))
    return Masker((*store, *(Secret(variables.values[name]) for name in sorted(names & variables.values.keys()))))


def _listing(limit: int, *, as_json: bool) -> Question:
    async def question(reader: RunReader, terminal: Terminal) -> int:
        runs = await reader.recent(limit)
        if as_json:
            terminal.data([run_json.summary(run) for run in runs])
        else:
            shown = masked_copy(runs, terminal.masker)
            terminal.out.print(run_view.list_of(shown, terminal.now, terminal.out.width))
        return 0

    return question


Answer = Callable[[Run, RunReader, Terminal], Awaitable[None]]


def _of_run(typed: str, answer: Answer) -> Question:
    async def question(reader: RunReader, terminal: Terminal) -> int:
        try:
            run = await reader.get(parse_run_id(typed))
        except Refused:
            run = None
        if run is None:
            await _tell_missing(typed, reader, terminal)
            return NO_SUCH_RUN
        await answer(run, reader, terminal)
        return 0

    return question


async def _tell_missing(typed: str, reader: RunReader, terminal: Terminal) -> None:
    known = [run.id for run in await reader.recent(_SEARCHED)]
    near = nearest(typed, {run.lower() for run in known})
    hint = f"; did you mean {near.upper()}?" if near is not None else ""
    say(terminal.err, f"no such run: {typed!r}{hint}")
    if known:
        say(terminal.err, f"the latest runs are {', '.join(known[:_HINTED])}")
    else:
        say(terminal.err, "there are no runs yet")


async def show_text(run: Run, reader: RunReader, terminal: Terminal) -> None:
    """Show a run for people."""
    digest = plan_digest(run.plan) if run.plan is not None else ""
    history = masked_copy(await reader.history(run.id), terminal.masker)
    terminal.out.print(run_view.whole(masked_copy(run, terminal.masker), digest, history, terminal.now))


async def show_json(run: Run, reader: RunReader, terminal: Terminal) -> None:
    """Show a run for scripts."""
    terminal.data(run_json.whole(run, await reader.history(run.id)))


async def log_text(run: Run, reader: RunReader, terminal: Terminal) -> None:
    """Print what the steps printed, for people."""
    found = assembled(run, await reader.output(run.id))
    if not found:
        say(terminal.err, f"nothing was printed by {run.id} yet")
    for one in masked_copy(found, terminal.masker):
        terminal.out.print(run_view.log_heading(one), soft_wrap=True)
        say(terminal.out, one.text.rstrip("\n"))


async def log_json(run: Run, reader: RunReader, terminal: Terminal) -> None:
    """Give what the steps printed, for scripts."""
    terminal.data(run_json.output(assembled(run, await reader.output(run.id))))
