"""Access to the store from the console: opens it, masks what is shown, and explains a store that cannot be opened."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from bot.config.document import read_document
from bot.config.load import read_ops_file
from bot.config.problems import ConfigurationError
from bot.config.settings import ops_file_of, store_url_of
from bot.config.variables import Variables, read_variables
from bot.console.output import print_text
from bot.console.words import ENGLISH, Words
from bot.domain.errors import RefusedError
from bot.domain.language import Language
from bot.domain.names import nearest, parse_run_id
from bot.domain.runs.run import Run
from bot.domain.secrets import Masker, Secret
from bot.logs import masked
from bot.store import StoreError, StoreMissingError, StoreReader

NO_SUCH_RUN = 1
CONFIGURATION_ERROR = 2
_HINTED = 5
_SEARCHED = 200

Store = TypeVar("Store")


@dataclass(frozen=True)
class Terminal:
    """Where a command writes, and what it must not show.

    Args:
        out: standard output.
        err: standard error.
        masker: of the secrets that are known here.
        now: the time, for what still goes.
        words: of the language of the bot's channels.
        people: that section of the operations file as it stands there, also where the file is not valid.
    """

    out: Console
    err: Console
    masker: Masker
    now: datetime
    people: object = None
    words: Words = ENGLISH

    def data(self, data: object) -> None:
        """Write JSON."""
        text = json.dumps(masked(data, self.masker), ensure_ascii=False, indent=2)
        self.out.file.write(text + "\n")


EnvOption = Annotated[Path | None, typer.Option("--env", help="The environment file; default: .env.")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON, for scripts.")]


async def ask(
    env: Path,
    real: Mapping[str, str],
    question: Callable[[Store, Terminal], Awaitable[int]],
    out: Console,
    err: Console,
    opened: Callable[[str], AbstractAsyncContextManager[Store]],
) -> int:
    """Open the store and answer a question from it; print why where it cannot be opened.

    Args:
        env: the environment file.
        real: the real environment.
        question: what is asked.
        out: standard output.
        err: standard error.
        opened: opens the store, by its URL.

    Returns:
        The exit status.
    """
    variables = read_variables(env, real)
    try:
        url = store_url_of(variables)
    except ConfigurationError as error:
        for problem in error.problems:
            print_text(err, str(problem))
        return CONFIGURATION_ERROR
    # Without the operations file its secrets are not known; the store holds masked text anyway.
    operations = ""
    with suppress(ConfigurationError):
        operations = read_ops_file(ops_file_of(variables))
    masker = _masker(variables, url.secrets, operations)
    terminal = Terminal(out, err, masker, datetime.now(UTC), _people(operations), _words(variables))
    try:
        async with opened(url.reveal()) as reader:
            return await question(reader, terminal)
    except StoreMissingError as error:
        print_text(err, str(error))
        return NO_SUCH_RUN
    except StoreError as error:
        print_text(err, str(error))
        return CONFIGURATION_ERROR


def _masker(variables: Variables, store: tuple[Secret, ...], operations: str) -> Masker:
    """Mask what can be a secret, even where the configuration as a whole is broken just now."""
    names = {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"}
    names |= set(re.findall(r"password:[^\n]*?\$\{(\w+)\}", operations))
    return Masker((*store, *(Secret(variables.values[name]) for name in sorted(names & variables.values.keys()))))


def _words(variables: Variables) -> Words:
    """Take the language of the configuration; English where it names none that is built in."""
    language = variables.values.get("BOT_LANGUAGE", "")
    return Words(Language(language)) if language in set(Language) else ENGLISH


def _people(operations: str) -> object:
    data = read_document(operations).data if operations else None
    return data.get("people") if isinstance(data, dict) else None


async def run_named(typed: str, reader: StoreReader) -> Run | None:
    """Read the run that somebody typed; None where there is none."""
    try:
        return await reader.runs.get(parse_run_id(typed))
    except RefusedError:
        return None


async def print_no_such_run(typed: str, reader: StoreReader, terminal: Terminal) -> None:
    """Print that there is no such run, and the latest runs."""
    known = [run.id for run in await reader.runs.recent(_SEARCHED)]
    near = nearest(typed, {run.lower() for run in known})
    hint = f"; did you mean {near.upper()}?" if near is not None else ""
    print_text(terminal.err, f"no such run: {typed!r}{hint}")
    if known:
        print_text(terminal.err, f"the latest runs are {', '.join(known[:_HINTED])}")
    else:
        print_text(terminal.err, "there are no runs yet")
