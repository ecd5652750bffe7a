"""The results of a rehearsal in a sandbox, read from the files that it leaves on the host. Pure.

Code of a commit ran beside them and decided over some of what they say: each line is of its form, or the results are
refused. See `scripts/sandbox_rehearsal.sh` and `scripts/statements.awk`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from bot.databases.migrations.sandboxed.recorded_migrations import RecordedMigrations
from bot.databases.server.schema import Schema
from bot.databases.server.schema_rows import parse_lines, schema_of
from bot.sandbox.obstacles import Refusal
from bot.sandbox.results import CommandResult, ConnectionAttempts, Ended, FileAttempt, Unseen, results_of


class SandboxOutcome(StrEnum):
    """How a rehearsal in a sandbox ended."""

    OK = "ok"
    FAILED = "failed"
    """The migrations' command did not end by itself with status 0."""
    NOT_POSSIBLE = "not_possible"
    """Something that comes before the migrations could not be done."""
    REFUSED = "refused"
    """There was no sandbox."""


@dataclass(frozen=True)
class RanStatement:
    """A statement that the server logged.

    Args:
        number: its place in the log, from 1.
        sql: with its literals replaced.
        times: how many times it ran one after the other, with other literals.
        seconds: from its beginning to that of the session's next statement; None where nothing followed.
        complete: whether the text is all of it.
    """

    number: int
    sql: str
    times: int
    seconds: float | None
    complete: bool


@dataclass(frozen=True)
class RanMigration:
    """A migration that ran.

    Args:
        name: as the framework recorded it; empty for what followed the last recorded one.
        statements: in order, without that which recorded it.
        seconds: how long it took.
        after: the schema that it left; None where it is not known.
    """

    name: str
    statements: tuple[RanStatement, ...]
    seconds: float
    after: Schema | None


@dataclass(frozen=True)
class ComparedRows:
    """What became of the rows of a table that is not as it was.

    Args:
        table: its name.
        before: how many it had; None where it is not known.
        after: how many it has; None where it is gone or not known.
        deleted: rows that are gone; None where it is not known.
        changed: rows with another value in a column that was there before.
        inserted: rows that are new.
    """

    table: str
    before: int | None
    after: int | None
    deleted: int | None
    changed: int | None
    inserted: int | None


@dataclass(frozen=True)
class MigrationFailure:
    """What is known of a failure, without data.

    Args:
        error: class of the exception.
        sqlstate: of the server.
        number: the server's number of the error.
        message: of an error whose message has names alone.
    """

    error: str = ""
    sqlstate: str = ""
    number: str = ""
    message: str = ""


@dataclass(frozen=True)
class SandboxRehearsalResults:
    """The results.

    Args:
        outcome: how it ended.
        refusal: why there was no sandbox.
        why: a code, where something before the migrations failed.
        words: of the host about it.
        rows: `backup`, `copied`, `sample`.
        age: of the backup whose rows the copy has, in seconds; None where it has none's.
        no_data: a code, why the rows of a backup were not had.
        no_data_words: of the host about it.
        routines_left_out: whether routines and triggers are missing in the copy.
        migrations: what ran, in order.
        before: the whole schema before.
        after: the whole schema afterwards.
        unlike: what was not as in the live database before anything ran, of what is free SQL: `Part.place`.
        counts: rows of each table in the copy, before.
        counts_after: the same afterwards.
        rows_changed: tables whose rows are not as they were, or may not be.
        predicted: how the server would carry out a statement, by its number.
        back: lines of the schema that differ once everything was undone; None where that was not done.
        back_failed: whether undoing failed.
        command: what became of the migrations' command; None where it was not reached.
        failure: what is known of its failure.
        complete: whether the log has all that the server did.
        took: milliseconds of each part.
        ask: the framework's own list of migrations, as it was printed; None where it was not asked.
        attempts: connections that the migrations' command tried in vain.
        denied: logins at the private server that it refused.
        touched: what any command did outside of the application's folder.
        unseen: what of that the host does not show.
        unserved: addresses of the live server at which the private one could not answer.
    """

    outcome: SandboxOutcome
    refusal: Refusal | None = None
    why: str = ""
    words: str = ""
    rows: str = ""
    age: int | None = None
    no_data: str = ""
    no_data_words: str = ""
    routines_left_out: bool = False
    migrations: tuple[RanMigration, ...] = ()
    before: Schema = field(default_factory=lambda: Schema({}, {}))
    after: Schema = field(default_factory=lambda: Schema({}, {}))
    unlike: frozenset[str] = frozenset()
    counts: Mapping[str, int] = field(default_factory=dict)
    counts_after: Mapping[str, int] = field(default_factory=dict)
    rows_changed: tuple[ComparedRows, ...] = ()
    predicted: Mapping[int, str] = field(default_factory=dict)
    back: tuple[str, ...] | None = None
    back_failed: bool = False
    command: CommandResult | None = None
    failure: MigrationFailure = MigrationFailure()
    complete: bool = True
    took: Mapping[str, int] = field(default_factory=dict)
    ask: str | None = None
    attempts: tuple[ConnectionAttempts, ...] = ()
    denied: int = 0
    touched: tuple[FileAttempt, ...] = ()
    unseen: tuple[Unseen, ...] = ()
    unserved: tuple[str, ...] = ()

    @property
    def reached_out(self) -> bool:
        """Whether code of the commit tried to reach what a sandbox has not."""
        return bool(self.attempts or self.touched) or self.denied > 0

    @property
    def ended_by_limit(self) -> Ended | None:
        """The limit at which the migrations' command was ended; None where it ended by itself."""
        return self.command.ended if self.command is not None and self.command.ended is not Ended.EXIT else None


def read_sandbox_results(files: Mapping[str, str], records: RecordedMigrations) -> SandboxRehearsalResults:
    """Read the files.

    Args:
        files: texts by name.
        records: how the framework records migrations.

    Raises:
        ValueError: it never came to an outcome, or a file is not of its form.
    """
    pairs = [line.partition("\t")[::2] for line in files.get("facts", "").splitlines()]
    facts = dict(pairs)
    box = results_of(files)
    rows = frozenset(parse_lines(files.get("schema", "")))
    last = _applied(rows, files.get("changed", ""))
    statements = tuple(_statements(files.get("statements", "")))
    commands = {command.name: command for command in box.commands}
    return SandboxRehearsalResults(
        outcome=SandboxOutcome(facts.get("outcome", "")),
        refusal=box.refusal,
        why=facts.get("why", ""),
        words=facts.get("words", ""),
        rows=facts.get("rows", ""),
        age=int(facts["age"]) if "age" in facts else None,
        no_data=facts.get("no_data", ""),
        no_data_words=facts.get("no_data_detail", ""),
        routines_left_out="routines" in facts,
        migrations=_migrations(statements, records, files, rows) or tuple(_unlogged(records, files, rows)),
        before=schema_of(rows),
        after=schema_of(last),
        unlike=_unlike(files.get("unlike", "")),
        counts=_counts(files.get("counts", "")),
        counts_after=_counts(files.get("counts.after", "")),
        rows_changed=tuple(_compared(fields) for fields in parse_lines(files.get("rows", ""))),
        predicted={int(fields[0]): fields[1] for fields in parse_lines(files.get("predicted", ""))},
        back=tuple(files.get("back", "").splitlines()) if facts.get("back") == "ok" else None,
        back_failed=facts.get("back") == "failed",
        command=commands.get("migrate"),
        failure=_failure(files.get("failure", "")),
        complete="log" not in facts and all(command.settled for command in box.commands),
        took={name: int(time) for key, value in pairs if key == "took" for name, time in [value.split(" ")]},
        ask=files.get("ask.output"),
        attempts=tuple(one for one in box.attempts if one.command == "migrate"),
        denied=int(facts.get("denied", "0")),
        touched=box.touched,
        unseen=box.unseen,
        unserved=box.unserved,
    )


def _applied(rows: frozenset[tuple[str, ...]], changed: str) -> frozenset[tuple[str, ...]]:
    def of(sign: str) -> frozenset[tuple[str, ...]]:
        return frozenset(parse_lines("\n".join(line[2:] for line in changed.split("\n") if line.startswith(sign))))

    return (rows - of("< ")) | of("> ")


def _unlike(differences: str) -> frozenset[str]:
    lines = differences.split("\n")
    sides = (
        schema_of(parse_lines("\n".join(line[2:] for line in lines if line.startswith(sign)))) for sign in ("< ", "> ")
    )
    return frozenset(part.place for side in sides for part in side.parts.values() if part.is_sql)


@dataclass(frozen=True)
class _LoggedLine:
    statement: RanStatement
    began: Decimal


_LINE = re.compile(
    r"(\d{1,9})\t\d{1,18}\t(\d{1,9})\t(\d{1,12}(?:\.\d{1,9})?)\t(\d{1,12}(?:\.\d{1,9})?)?\t([01])\t(.*)", re.DOTALL
)


def _statements(text: str) -> Iterator[_LoggedLine]:
    for line in text.split("\n")[:-1]:
        found = _LINE.fullmatch(line)
        if found is None:
            raise ValueError(f"not a statement of the server's log: {line[:80]!r}")
        began = Decimal(found[3])
        seconds = float(Decimal(found[4]) - began) if found[4] else None
        sql = found[6].replace("\\\\", "\0").replace("\\n", "\n").replace("\\t", "\t").replace("\0", "\\")
        yield _LoggedLine(RanStatement(int(found[1]), sql, int(found[2]), seconds, found[5] == "1"), began)


def _migrations(
    statements: Sequence[_LoggedLine],
    records: RecordedMigrations,
    files: Mapping[str, str],
    rows: frozenset[tuple[str, ...]],
) -> tuple[RanMigration, ...]:
    """Divide the log at the statements that record a migration."""
    snapshots = {records.named(name): number for number, name in parse_lines(files.get("ran", ""))}
    found: list[RanMigration] = []
    own: list[_LoggedLine] = []
    began = statements[0].began if statements else Decimal(0)
    for line in statements:
        recorded = records.recorded(line.statement.sql)
        if recorded is None:
            own.append(line)
            continue
        number = snapshots.get(recorded)
        after = _applied(rows, files.get(f"changed.{number}", "")) if number is not None else None
        found.append(
            RanMigration(
                name=recorded,
                statements=tuple(one.statement for one in own),
                seconds=float(line.began - began),
                after=schema_of(after) if after is not None else None,
            )
        )
        rows = after if after is not None else rows
        own, began = [], line.began
    if own:
        found.append(RanMigration("", tuple(one.statement for one in own), float(own[-1].began - began), None))
    return tuple(found)


def _unlogged(
    records: RecordedMigrations, files: Mapping[str, str], rows: frozenset[tuple[str, ...]]
) -> Iterator[RanMigration]:
    """Name what was recorded where there is no log of it: what each did is not known, but for the schema."""
    for number, name in parse_lines(files.get("ran", "")):
        rows = _applied(rows, files.get(f"changed.{number}", ""))
        yield RanMigration(records.named(name), (), 0.0, schema_of(rows))


def _counts(text: str) -> dict[str, int]:
    return {fields[0]: int(fields[1]) for fields in parse_lines(text)}


def _compared(fields: Sequence[str]) -> ComparedRows:
    if len(fields) != 6:
        raise ValueError(f"not a comparison of rows: {fields!r}")
    return ComparedRows(fields[0], *(_count(text) for text in fields[1:]))


def _count(text: str) -> int | None:
    return None if text in {"-", "NULL", ""} else int(text)


def _failure(text: str) -> MigrationFailure:
    facts = dict(line.partition("\t")[::2] for line in text.splitlines())
    return MigrationFailure(
        facts.get("class", "")[:200], facts.get("sqlstate", ""), facts.get("number", ""), facts.get("message", "")[:400]
    )
