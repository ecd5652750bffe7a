"""`countersign audit`: whether the history holds, and the history for other programs."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TextIO

import typer

from bot.audit.lines import as_csv, as_json, csv_header
from bot.config.load import ENV_FILE
from bot.console.output import print_text, standard_error, standard_output
from bot.console.runs import Question
from bot.console.store_access import EnvOption, Terminal, ask
from bot.domain.runs.history import Break, Fault, Record
from bot.domain.secrets import Masker
from bot.store import StoreReader, open_readonly
from bot.store.history.verify import records_after, verify
from bot.store.sql.timestamps import rfc3339

HOLDS = 0
BROKEN = 1
USAGE = 2

_AGE = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

_FAULTS = {
    Fault.CHANGED: "record {n} was changed: it is not what its hash says",
    Fault.MISSING: "record {n} is missing",
    Fault.UNLINKED: "record {n} does not follow from the one before it: one of the two was replaced",
    Fault.CUT_OFF: "record {n} and what followed it were cut off",
    Fault.END_CHANGED: "after record {n} the end is not where it was noted to be",
    Fault.REWRITTEN: "record {n} is another one than in the copy that was kept elsewhere",
}


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
        against: Annotated[
            Path | None, typer.Option(help="A copy that was kept elsewhere: exported or forwarded JSON lines.")
        ] = None,
        env: EnvOption = None,
    ) -> None:
        """Check the chain of the history from its first record on. Exit status 0 where it holds, else 1."""
        _run(env, verification(against))

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


def verification(against: Path | None) -> Question:
    """Make the question whether the history holds.

    Args:
        against: a copy that was kept elsewhere, as JSON lines; None compares with nothing.
    """

    async def question(reader: StoreReader, terminal: Terminal) -> int:
        try:
            apart = _hashes(against) if against is not None else {}
        except (OSError, ValueError) as error:
            print_text(terminal.err, f"the copy cannot be read: {error}")
            return USAGE
        verdict = await verify(reader.history, apart)
        if verdict.found is None:
            compared = f", as do the {len(apart)} of {against}" if against is not None else ""
            print_text(
                terminal.out,
                f"the history holds: {verdict.checked} records{compared}; the last has hash {verdict.head}",
            )
            return HOLDS
        print_text(terminal.out, f"the history does not hold: {_described(verdict.found)}")
        print_text(terminal.out, f"the {verdict.checked} records before it hold")
        return BROKEN

    return question


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


def _described(found: Break) -> str:
    return _FAULTS[found.fault].format(n=found.sequence)


def _hashes(copy: Path) -> Mapping[int, str]:
    """Read the hash of each record of a copy; what a syslog server put before the JSON is passed over."""
    found: dict[int, str] = {}
    with copy.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line[line.index("{") :])
                found[int(record["sequence"])] = str(record["hash"])
            except (ValueError, KeyError, TypeError):
                raise ValueError(f"{copy}:{number}: not a record of history as JSON") from None
    return found


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
