"""What a sandbox found, read from the small files that it leaves in its folder of results. Pure.

`facts`         lines KEY<TAB>VALUE: `refused` and `detail`, `unserved`, `unsettled`, `attempted`, `touched`, `unseen`,
                `command`
`NAME.output`   the beginning of what a command printed
`NAME.log`      what the server logged of it

Code of a commit wrote some of it: every line is of its form, or the file is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from bot.domain.shell import Command, Syntax, assignments
from bot.sandbox.obstacles import Obstacle, Refusal

_READ = """
cd -- "$notes/$results" || exit 44
for file in *; do
  [ -f "$file" ] || continue
  size=$(head -c "$most" "$file" | wc -c)
  printf '%s\\t%s\\n' "$file" "$((size))"
  head -c "$most" "$file"
done
"""


class Ended(StrEnum):
    """How a command in a sandbox ended."""

    EXIT = "exit"
    """By itself."""
    TIME = "time"
    """It was ended at the end of its time."""
    MEMORY = "memory"
    """It was ended because it, or the host, had no memory left for it."""
    DISK = "disk"
    """It was ended because it, or the host, had no room on the disk left for it."""
    LOST = "lost"
    """The sandbox was ended from outside while it ran."""


@dataclass(frozen=True)
class LoggedStatement:
    """One entry of the private server's general log.

    Args:
        session: number of the connection at the server.
        user: of the application's account.
        command: such as `Query`, `Execute`, `Prepare`, `Connect`, `Init DB`, `Quit`.
        at: seconds since the epoch by the server's clock, with microseconds.
        text: the statement, or its first 64 KiB.
        complete: whether that is all of it.
    """

    session: int
    user: str
    command: str
    at: Decimal
    text: str
    complete: bool


class Beyond(StrEnum):
    """Where a connection went that the kernel refused."""

    OUTSIDE = "outside"
    """To an address that the sandbox does not have."""
    LOOPBACK = "loopback"
    """To a port of its own at which nobody listens."""


@dataclass(frozen=True)
class ConnectionAttempts:
    """Connections that a command tried in vain, as the kernel counted them.

    Args:
        command: its name.
        where: to which side.
        count: how many.
    """

    command: str
    where: Beyond
    count: int


class FileAct(StrEnum):
    """What was done with a file outside of the application's folder."""

    READ = "read"
    """A decoy was read."""
    WROTE = "wrote"
    """A decoy was changed, or something was made or removed in a folder."""


@dataclass(frozen=True)
class FileAttempt:
    """What a command did outside of the application's folder, in the private folder that it found there.

    Args:
        command: its name.
        act: what it did.
        path: of a decoy or a folder that the sandbox made; never a name of the commit's choice.
    """

    command: str
    act: FileAct
    path: str


class Unseen(StrEnum):
    """What a host does not show of files outside of the application's folder."""

    READS = "reads"
    """Its file system keeps no times of access."""
    WRITES = "writes"
    """Its `find` cannot compare times of change."""


@dataclass(frozen=True)
class CommandResult:
    """What became of one command.

    Args:
        name: as it was run.
        ended: how.
        status: its exit status; None where it did not end by itself.
        milliseconds: how long it took.
        output: the beginning of what it printed; not to be believed.
        statements: what the server logged of it, in order.
        log_complete: whether that is all of it.
        settled: whether nothing of it ran at the server any more when the log was read.
    """

    name: str
    ended: Ended
    status: int | None
    milliseconds: int
    output: str
    statements: tuple[LoggedStatement, ...]
    log_complete: bool
    settled: bool

    @property
    def well(self) -> bool:
        """Whether it ended by itself with status 0."""
        return self.ended is Ended.EXIT and self.status == 0


@dataclass(frozen=True)
class SandboxResults:
    """What a sandbox left.

    Args:
        refusal: why it could not be; None where it could.
        unserved: addresses at which the private server could not answer.
        commands: what was run, in order.
        attempts: connections that were tried in vain.
        touched: what was done outside of the application's folder.
        unseen: what of that the host does not show.
    """

    refusal: Refusal | None
    unserved: tuple[str, ...]
    commands: tuple[CommandResult, ...]
    attempts: tuple[ConnectionAttempts, ...] = ()
    touched: tuple[FileAttempt, ...] = ()
    unseen: tuple[Unseen, ...] = ()


def read_results(notes: Command, results: str, most: int) -> Command:
    """Build the command that prints the files of results.

    Args:
        notes: the shell word for the folder of the run's notes.
        results: name of the folder in it.
        most: bytes of each file to print.
    """
    values = assignments({"results": results, "most": str(most)})
    return Command((Syntax("notes="), *notes.parts, Syntax("\n"), *values, Syntax(_READ)))


_ATTEMPTS = re.compile(r"([A-Za-z0-9._-]+) ([a-z]+) (\d{1,12})")
_TOUCHED = re.compile(r"([A-Za-z0-9._-]+) ([a-z]+) (/[A-Za-z0-9_@%+,./-]{0,400})")
_COMMAND = re.compile(r"([A-Za-z0-9._-]+) ([a-z]+) (\d{1,3}|-) (\d{1,12})")
_STATEMENT = re.compile(
    r"(\d{1,18})\t([A-Za-z ]{1,40})\t(\d{1,12}(?:\.\d{1,9})?)\t"
    r"((?:[0-9A-F]{2})*)\t(\d{1,18}|NULL)\t((?:[0-9A-F]{2})*|NULL)"
)


def results_of(files: Mapping[str, str]) -> SandboxResults:
    """Read the files of a sandbox.

    Args:
        files: texts by name.

    Raises:
        ValueError: a file is not of its form.
    """
    facts = list(_facts(files.get("facts", "")))
    refused = [value for key, value in facts if key == "refused"]
    detail = [value for key, value in facts if key == "detail"]
    unsettled = {value for key, value in facts if key == "unsettled"}
    return SandboxResults(
        refusal=Refusal(Obstacle(refused[0]), detail[0] if detail else "") if refused else None,
        unserved=tuple(value for key, value in facts if key == "unserved"),
        commands=tuple(_command(value, files, unsettled) for key, value in facts if key == "command"),
        attempts=tuple(_attempts(value) for key, value in facts if key == "attempted"),
        touched=tuple(_touched(value) for key, value in facts if key == "touched"),
        unseen=tuple(Unseen(value) for key, value in facts if key == "unseen"),
    )


def _facts(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        key, tab, value = line.partition("\t")
        if not tab:
            raise ValueError(f"not a fact of a sandbox: {line[:80]!r}")
        yield key, value


def _attempts(text: str) -> ConnectionAttempts:
    found = _ATTEMPTS.fullmatch(text)
    if found is None:
        raise ValueError(f"not an attempt of a command: {text[:80]!r}")
    return ConnectionAttempts(found[1], Beyond(found[2]), int(found[3]))


def _touched(text: str) -> FileAttempt:
    found = _TOUCHED.fullmatch(text)
    if found is None:
        raise ValueError(f"not what a command did: {text[:80]!r}")
    return FileAttempt(found[1], FileAct(found[2]), found[3])


def _command(text: str, files: Mapping[str, str], unsettled: set[str]) -> CommandResult:
    found = _COMMAND.fullmatch(text)
    if found is None:
        raise ValueError(f"not the end of a command: {text[:80]!r}")
    name, ended = found[1], Ended(found[2])
    log = files.get(f"{name}.log", "")
    complete = log == "end\n" or log.endswith("\nend\n")
    lines = log.split("\n")[: -2 if complete else -1]
    return CommandResult(
        name=name,
        ended=ended,
        status=int(found[3]) if ended is Ended.EXIT and found[3] != "-" else None,
        milliseconds=int(found[4]),
        output=files.get(f"{name}.output", ""),
        statements=tuple(_statement(line) for line in lines),
        log_complete=complete,
        settled=name not in unsettled,
    )


def _statement(line: str) -> LoggedStatement:
    found = _STATEMENT.fullmatch(line)
    if found is None:
        raise ValueError(f"not a line of the server's log: {line[:80]!r}")
    text = b"" if found[6] == "NULL" else bytes.fromhex(found[6])
    return LoggedStatement(
        session=int(found[1]),
        user=bytes.fromhex(found[4]).decode(errors="replace"),
        command=found[2],
        at=Decimal(found[3]),
        text=text.decode(errors="replace"),
        complete=found[5] in {"NULL", str(len(text))},
    )
