"""`countersign audit`: whether the history holds, and the history for other programs."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TextIO

import typer

from bot.audit.lines import as_csv, as_json, csv_header
from bot.config.load import ENV_FILE
from bot.console.audit_verify import USAGE, AnchorSources, verification
from bot.console.output import print_text, standard_error, standard_output
from bot.console.runs import Question
from bot.console.store_access import EnvOption, JsonOption, Terminal, ask
from bot.domain.runs.history import Record
from bot.domain.secrets import Masker
from bot.store import StoreReader, open_readonly
from bot.store.history.verify import records_after
from bot.store.sql.timestamps import rfc3339

_AGE = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class ExportFormat(StrEnum):
    """How the history is written for other programs."""

    JSONL = "jsonl"
    CSV = "csv"


def register(app: typer.Typer) -> None:
    """Register the commands.

    Args:
        app: the program.
    """
    audit = typer.Typer(help="The history of every decision and action: check it, give it to others.")
    app.add_typer(audit, name="audit")

    @audit.command("verify")
    def verify_(
        anchors: Annotated[
            Path | None,
            typer.Option("--anchors", "--against", help="Exported or forwarded JSON lines that were kept elsewhere."),
        ] = None,
        slack: Annotated[bool, typer.Option(help="Whether to read anchors in Slack.")] = True,  # noqa: FBT002
        slack_runs: Annotated[
            int, typer.Option(min=1, max=1000, help="How many of the newest runs of each channel to read in Slack.")
        ] = 20,
        as_json: JsonOption = False,  # noqa: FBT002
        env: EnvOption = None,
    ) -> None:
        """Verify the history, its anchors, and that runs, votes and gates agree with it. Exit status 0, or 1."""
        sources = AnchorSources(env or ENV_FILE, anchors, slack, slack_runs)
        _run(env, verification(sources, as_json=as_json))

    @audit.command()
    def export(
        since: Annotated[str, typer.Option(help="From when on: 2026-11-01, 2026-11-01T09:30:00Z, or 30d (ago).")],
        until: Annotated[str | None, typer.Option(help="Up to when, without that instant; default: now.")] = None,
        format_: Annotated[ExportFormat, typer.Option("--format", help="How.")] = ExportFormat.JSONL,
        env: EnvOption = None,
    ) -> None:
        """Write the history to standard output, record by record, oldest first; secrets are masked."""
        now = datetime.now(UTC)
        try:
            start, end = instant_of(since, now), None if until is None else instant_of(until, now)
        except ValueError as error:
            print_text(standard_error(), str(error))
            raise typer.Exit(USAGE) from None
        _run(env, exporting(rfc3339(start), None if end is None else rfc3339(end), format_))


def instant_of(text: str, now: datetime) -> datetime:
    """Read when something begins or ends.

    Args:
        text: a date (its midnight, UTC), an instant (UTC where it names no zone), or an age such as `90m` or `30d`.
        now: what an age is counted back from.

    Raises:
        ValueError: it is none of these; the message names what would be right.
    """
    age = _AGE.fullmatch(text)
    try:
        if age is not None:
            return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is no instant; write 2026-11-01, 2026-11-01T09:30:00Z, or an age such as 30d"
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def exporting(since: str, until: str | None, format_: ExportFormat) -> Question:
    """Make the question for the history of a time.

    Args:
        since: RFC 3339 in UTC with microseconds, as the records have it.
        until: the same; a record of this instant is no longer given. None gives all.
        format_: how it is written.
    """
    render: Callable[[Record, Masker], str] = as_csv if format_ is ExportFormat.CSV else _json_line

    async def question(reader: StoreReader, terminal: Terminal) -> int:
        file = terminal.out.file
        if format_ is ExportFormat.CSV:
            file.write(csv_header())
        async for record in records_after(reader.history, await reader.history.sequence_before(since)):
            if record.at >= since and (until is None or record.at < until):
                file.write(render(record, terminal.masker))
        file.flush()
        return 0

    return question


def _json_line(record: Record, masker: Masker) -> str:
    return as_json(record, masker) + "\n"


def _run(env: Path | None, question: Question) -> None:
    try:
        status = asyncio.run(
            ask(env or ENV_FILE, os.environ, question, standard_output(), standard_error(), open_readonly)
        )
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has enough, such as `head`; what Python still wants to write at its end goes nowhere.
        _discard(sys.stdout)
        status = 0
    raise typer.Exit(status)


def _discard(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
