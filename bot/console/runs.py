"""`countersign runs`: shows runs from the store, also while the bot or Slack is down."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from bot.config.load import ENV_FILE
from bot.console import run_json, run_view
from bot.console.masking import masked_copy
from bot.console.output import print_text, standard_error, standard_output
from bot.console.people_names import PeopleNames, names_from
from bot.console.run_cancel import cancel_question
from bot.console.run_list import list_of
from bot.console.run_output import assemble_output
from bot.console.run_summary import summary_of
from bot.console.store_access import (
    NO_SUCH_RUN,
    EnvOption,
    JsonOption,
    Terminal,
    ask,
    print_no_such_run,
    run_named,
)
from bot.domain.inbox import EventKind
from bot.domain.runs.plan_json import plan_digest
from bot.domain.runs.run import Run
from bot.store import StoreReader, open_readonly, open_request_writer

_EVENTS_WITH_NAMES = 200

Store = TypeVar("Store")
Question = Callable[[StoreReader, Terminal], Awaitable[int]]

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Such as R-7K3F9Q; any case, R- may be left out.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Every detail: plan, steps, facts, history.")]
LimitOption = Annotated[int, typer.Option(min=1, max=1000, help="How many.")]


def register(app: typer.Typer) -> None:
    """Register the commands.

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
        as_json: JsonOption = False,  # noqa: FBT002 - an option of the console
    ) -> None:
        """List the latest runs, newest first."""
        _run(context, env, _listing(limit, as_json=as_json))

    @runs.command()
    def show(
        context: typer.Context,
        run: RunArgument,
        env: EnvOption = None,
        as_json: JsonOption = False,  # noqa: FBT002 - an option of the console
        verbose: VerboseOption = False,  # noqa: FBT002 - an option of the console
    ) -> None:
        """Show one run on one screen. Exit status 1 where there is no such run."""
        _run(context, env, _of_run(run, show_json if as_json else show_details if verbose else show_summary))

    @runs.command()
    def log(
        context: typer.Context,
        run: RunArgument,
        env: EnvOption = None,
        as_json: JsonOption = False,  # noqa: FBT002 - an option of the console
    ) -> None:
        """Print what the steps of a run printed. Exit status 1 where there is no such run."""
        _run(context, env, _of_run(run, log_json if as_json else log_text))

    @runs.command()
    def cancel(
        context: typer.Context,
        run: RunArgument,
        env: EnvOption = None,
        as_json: JsonOption = False,  # noqa: FBT002 - an option of the console
    ) -> None:
        """Cancel a run, also while Slack is down; the bot takes it, now or when it is back. Status 1: no such run."""
        _ask(context, env, cancel_question(run, as_json=as_json), open_request_writer)


def _run(context: typer.Context, named: Path | None, question: Question) -> None:
    _ask(context, named, question, open_readonly)


def _ask(
    context: typer.Context,
    named: Path | None,
    question: Callable[[Store, Terminal], Awaitable[int]],
    opened: Callable[[str], AbstractAsyncContextManager[Store]],
) -> None:
    env: Path = named or context.obj or ENV_FILE
    raise typer.Exit(asyncio.run(ask(env, os.environ, question, standard_output(), standard_error(), opened)))


def _listing(limit: int, *, as_json: bool) -> Question:
    async def question(reader: StoreReader, terminal: Terminal) -> int:
        runs = await reader.runs.recent(limit)
        if as_json:
            terminal.data([run_json.summary(run) for run in runs])
        else:
            shown = masked_copy(runs, terminal.masker)
            names = await _names(reader, terminal)
            terminal.out.print(list_of(shown, names, terminal.now, terminal.out.width))
        return 0

    return question


Answer = Callable[[Run, StoreReader, Terminal], Awaitable[None]]


def _of_run(typed: str, answer: Answer) -> Question:
    async def question(reader: StoreReader, terminal: Terminal) -> int:
        run = await run_named(typed, reader)
        if run is None:
            await print_no_such_run(typed, reader, terminal)
            return NO_SUCH_RUN
        await answer(run, reader, terminal)
        return 0

    return question


async def show_summary(run: Run, reader: StoreReader, terminal: Terminal) -> None:
    """Show a run on one screen."""
    names = await _names(reader, terminal)
    terminal.out.print(summary_of(masked_copy(run, terminal.masker), names, terminal.now))


async def show_details(run: Run, reader: StoreReader, terminal: Terminal) -> None:
    """Show a run with every detail."""
    digest = plan_digest(run.plan) if run.plan is not None else ""
    history = masked_copy(await reader.history.of_run(run.id), terminal.masker)
    names = await _names(reader, terminal)
    terminal.out.print(run_view.whole(masked_copy(run, terminal.masker), digest, history, names, terminal.now))


async def _names(reader: StoreReader, terminal: Terminal) -> PeopleNames:
    """Read what people and channels are called, as far as the store and the operations file know it."""
    events = await reader.inbox.latest((EventKind.COMMAND, EventKind.BUTTON, EventKind.VIEW), _EVENTS_WITH_NAMES)
    return masked_copy(names_from(events, terminal.people, terminal.words), terminal.masker)


async def show_json(run: Run, reader: StoreReader, terminal: Terminal) -> None:
    """Show a run for scripts."""
    terminal.data(run_json.whole(run, await reader.history.of_run(run.id)))


async def log_text(run: Run, reader: StoreReader, terminal: Terminal) -> None:
    """Print what the steps printed, for people."""
    found = assemble_output(run, await reader.runs.output(run.id))
    if not found:
        print_text(terminal.err, terminal.words.say("silent", run=run.id))
    for one in masked_copy(found, terminal.masker):
        terminal.out.print(run_view.log_heading(one, terminal.words), soft_wrap=True)
        print_text(terminal.out, one.text.rstrip("\n"))


async def log_json(run: Run, reader: StoreReader, terminal: Terminal) -> None:
    """Give what the steps printed, for scripts."""
    terminal.data(run_json.output(assemble_output(run, await reader.runs.output(run.id))))
