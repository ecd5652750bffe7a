"""The script of a rehearsal, built from a plan and the operations file, and its results. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib import resources

from bot.databases.backups.dump_script import OPTION_FILE, PREAMBLE, REMOVE_STALE, RESERVE_KIB, SHA256
from bot.databases.backups.host_script import HostScript
from bot.databases.backups.manifest import Manifest
from bot.databases.server.quoting import identifier, option_file
from bot.databases.server.schema import Schema
from bot.databases.server.schema_rows import SCHEMA_SQL, parse_lines, schema_of
from bot.domain.runs.acts import Rehearse, SandboxRehearsal
from bot.domain.runs.findings import NoBackupData, NotRehearsedReason, RehearsedRows
from bot.domain.secrets import Secret
from bot.domain.shell import Command, Syntax, assignments, command
from bot.domain.targets.target import Database

ENVIRONMENT_FILE = "environment"
"""Name of the file with the application's environment, in the job's private directory."""

COPIES_FILE = "copies.cnf"
"""Name of the option file for the server that holds the copy, where it is another one."""

MAX_OF_A_FILE = 64 * 1024
"""Bytes of each file of its results that are read."""

_SCRIPTS = resources.files("bot.databases").joinpath("scripts")
_SCRIPT = "".join(_SCRIPTS.joinpath(name).read_text(encoding="utf-8") for name in ("dump_text.sh", "rehearsal.sh"))


@dataclass(frozen=True)
class CopiedData:
    """The backup that the rows of the copy come from; without one, they come from the live database.

    Args:
        backup: ID of a backup; empty where there is none to be used.
        path: of its file; its name alone where the bot sends it.
        sha256: of its file, or of what the bot sends.
        bytes: size of the tables' data at the server, when it was dumped.
        made_at: when, RFC 3339.
        why_not: a code, where one was wanted and there is none: `no_backup`, `backup_unreadable`.
        detail: words about it.
        pipe: where the bot sends it: name of the pipe, in the directory that the steps of the run share.
    """

    backup: str = ""
    path: str = ""
    sha256: str = ""
    bytes: int = 0
    made_at: str = ""
    why_not: str = ""
    detail: str = ""
    pipe: str = ""

    @property
    def made_epoch(self) -> str:
        """When it was made, in seconds since the epoch; empty where there is none."""
        return str(int(datetime.fromisoformat(self.made_at).timestamp())) if self.made_at else ""


NO_DATA = CopiedData()


def data_of(manifest: Manifest, directory: str, pipe: str = "") -> CopiedData:
    """Return the source of rows that a backup is.

    Args:
        manifest: of the backup.
        directory: where it lies.
        pipe: where the bot sends it instead, as it was before it was encrypted.
    """
    path = manifest.file.removesuffix(".age") if pipe else f"{directory.rstrip('/')}/{manifest.file}"
    return CopiedData(manifest.backup, path, manifest.loads_sha256, manifest.data_bytes, manifest.started, pipe=pipe)


def rehearsal_job(
    act: Rehearse, scratch: str, database: Database, copies: Database, attempt: int, data: CopiedData = NO_DATA
) -> HostScript:
    """Build the script of a rehearsal.

    Args:
        act: what is rehearsed.
        scratch: name of the database that is made and dropped.
        database: what is copied, and as whom.
        copies: where that database is made, and as whom; may be the same.
        attempt: of the step; each has results of its own.
        data: the backup whose rows the copy gets; without one they come from the live database.

    Raises:
        ValueError: a value that cannot be used; the message names it and holds no secret.
    """
    values = {
        "run": scratch.rpartition("_")[2],
        "attempt": str(attempt),
        "sha": act.sha,
        "source": database.name,
        "scratch": scratch,
        "scratch_sql": identifier(scratch),
        "elsewhere": "" if copies == database else COPIES_FILE,
        "table": act.table,
        "table_sql": identifier(act.table),
        "most_bytes": str(database.copy_up_to),
        "backup": data.backup,
        "dump": data.path,
        "pipe": data.pipe,
        "sha256": data.sha256,
        "data_bytes": str(data.bytes),
        "made_at": data.made_at,
        "made_epoch": data.made_epoch,
        "no_data": data.why_not,
        "no_data_detail": data.detail,
        "reserve": str(RESERVE_KIB),
        "schema_sql": SCHEMA_SQL,
        "setup": act.setup.script(),
        "probe": act.probe.script(),
        "pretend": act.pretend.script(),
        "apply": act.apply.script(),
    }
    paths = command("set", "--", *files_of(act))
    script = Command((*assignments(values), *paths.parts, Syntax("\n" + PREAMBLE + SHA256 + REMOVE_STALE + _SCRIPT)))
    files = {OPTION_FILE: option_file(database), ENVIRONMENT_FILE: _environment(act, scratch, copies)}
    return HostScript(script, files if copies == database else {**files, COPIES_FILE: option_file(copies)})


def files_of(act: Rehearse | SandboxRehearsal) -> tuple[str, ...]:
    """Return the paths of the migrations' files in the repository; none where only the stack's tool knows them."""
    return tuple(f"{act.directory}/{name}{act.suffix}" for name in act.migrations) if act.directory else ()


_ASKED = re.compile(r"\{([a-z_]+)\}")


def _environment(act: Rehearse, scratch: str, database: Database) -> Secret:
    values = {
        "scratch": scratch,
        "database_host": database.host,
        "database_port": str(database.port),
        "database_user": database.user,
        "database_password": database.password.reveal(),
    }
    lines = []
    for name, template in act.environment:
        text = _ASKED.sub(lambda match: values[match[1]], template)
        lines.append(f"{name}={command(text).script()}; export {name}\n")
    return Secret("".join(lines))


# ── reading on the host ──────────────────────────────────────────────────────────────────────────────────────────────


def results_folder(attempt: int) -> str:
    """Name the folder of results of an attempt, in the folder that the steps of a run share."""
    return f"rehearsal.{attempt}"


def parse_files(answer: bytes) -> Mapping[str, str]:
    """Parse what prints files of a host: results of a step, or files of a commit.

    Args:
        answer: raw.

    Returns:
        Texts by the name of their file.

    Raises:
        ValueError: it is not of that form, or was cut.
    """
    return dict(_files(answer))


def _files(answer: bytes) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(answer):
        end = answer.find(b"\n", place)
        name, tab, size = answer[place : end if end >= 0 else None].partition(b"\t")
        if end < 0 or not tab or not size.isdigit() or len(answer) < end + 1 + int(size):
            raise ValueError("the host's answer was cut")
        place = end + 1 + int(size)
        yield name.decode(errors="replace"), answer[end + 1 : place].decode(errors="replace")


# ── what it found ────────────────────────────────────────────────────────────────────────────────────────────────────


class RehearsalOutcome(StrEnum):
    """How a rehearsal ended."""

    OK = "ok"
    FAILED = "failed"
    NOT_POSSIBLE = "not_possible"


@dataclass(frozen=True)
class Trial:
    """The result of one migration on the copy.

    Args:
        name: of the migration.
        pretend: what it said that it would run; None where it could not say.
        ran: whether it was run on the copy at all.
        well: whether it ended well and was recorded.
        milliseconds: how long it took.
        before: the tables that any migration changed, as it found them.
        after: the same tables, as it left them.
        output: what it printed, where it failed.
    """

    name: str
    pretend: str | None
    ran: bool
    well: bool
    milliseconds: int
    before: Schema
    after: Schema
    output: str


@dataclass(frozen=True)
class RehearsalResults:
    """The results of a rehearsal.

    Args:
        ended: how.
        why: it was not possible; None where it was.
        detail: what was said about it.
        rows: what the copy held; None where there was none.
        routines_left_out: whether triggers and routines are missing in the copy.
        trials: one a migration, in order.
        before: the tables that changed, as they were.
        after: the tables that changed, as they became.
        backup: ID of the backup whose data it was; empty where it was none's.
        made_at: when that one was made.
        age: how old it was then, in seconds.
        no_data: why the copy held no backup's data although it was wanted; else None.
        no_data_detail: words about it.
    """

    ended: RehearsalOutcome
    why: NotRehearsedReason | None
    detail: str
    rows: RehearsedRows | None
    routines_left_out: bool
    trials: tuple[Trial, ...]
    before: Schema
    after: Schema
    backup: str = ""
    made_at: datetime | None = None
    age: int | None = None
    no_data: NoBackupData | None = None
    no_data_detail: str = ""


def results_of(files: Mapping[str, str], names: tuple[str, ...]) -> RehearsalResults:
    """Parse the files of a rehearsal.

    Args:
        files: texts by name, as `parse_files` gives them.
        names: of the migrations, in order.

    Raises:
        ValueError: it never came to an outcome, or a file is not of its form.
    """
    facts = dict(line.split("\t", 1) for line in files.get("facts", "").splitlines() if "\t" in line)
    ran = {int(fields[0]): fields for fields in parse_lines(files.get("trials", "")) if len(fields) == 3}
    ended = RehearsalOutcome(facts.get("outcome", ""))
    made_at, age, no_data = facts.get("made_at"), facts.get("age"), facts.get("no_data")
    return RehearsalResults(
        ended=ended,
        why=NotRehearsedReason(facts.get("why", "")) if ended is RehearsalOutcome.NOT_POSSIBLE else None,
        detail=facts.get("detail", ""),
        rows=RehearsedRows(facts.get("rows", "none")),
        backup=facts.get("backup", ""),
        made_at=datetime.fromisoformat(made_at) if made_at else None,
        age=int(age) if age else None,
        no_data=NoBackupData(no_data) if no_data else None,
        no_data_detail=facts.get("no_data_detail", ""),
        routines_left_out="routines" in facts,
        trials=tuple(_trials(names, ran, files)),
        before=schema_of(parse_lines(files.get("before", ""))),
        after=schema_of(parse_lines(files.get("after", ""))),
    )


def _trials(names: tuple[str, ...], ran: Mapping[int, tuple[str, ...]], files: Mapping[str, str]) -> Iterator[Trial]:
    rows = frozenset(parse_lines(files.get("before", "")))
    for number, name in enumerate(names, 1):
        changed = files.get(f"changed.{number}", "").split("\n")
        before = rows
        rows = (rows - _rows(changed, "< ")) | _rows(changed, "> ")
        yield _trial(number, name, ran.get(number), files, schema_of(before), schema_of(rows))


def _trial(
    number: int, name: str, ran: tuple[str, ...] | None, files: Mapping[str, str], before: Schema, after: Schema
) -> Trial:
    return Trial(
        name=name,
        pretend=files.get(f"pretend.{number}"),
        ran=ran is not None,
        well=ran is not None and ran[1] == "0",
        milliseconds=int(ran[2]) if ran is not None else 0,
        before=before,
        after=after,
        output=files.get(f"output.{number}", ""),
    )


def _rows(changed: list[str], sign: str) -> frozenset[tuple[str, ...]]:
    return frozenset(parse_lines("\n".join(line[2:] for line in changed if line.startswith(sign))))


_SQLSTATE = re.compile(
    r"(?P<error>SQLSTATE\[.*?)\s*\((?:Connection: [^\n]*?, )?SQL: (?P<sql>.*?)\)\s*(?:\n|$)", re.DOTALL
)


def failure_of(output: str) -> tuple[str, str]:
    """Find the error and its statement in what a failed migration printed.

    Args:
        output: of the migration.

    Returns:
        The error, and the statement; empty where none is named.
    """
    found = _SQLSTATE.search(output)
    if found is not None:
        return " ".join(found["error"].split())[:600], " ".join(found["sql"].split())[:1000]
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return " ".join(lines[-3:])[-600:], ""
