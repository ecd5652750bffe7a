"""The protocol of the journal of detached steps: the runner's input and its replies. Pure.

The other half is `runner.sh`, which keeps the journal on the host and says how its files are laid out.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.names import is_name
from bot.domain.runs.journal_layout import JournalLayout, run_folder
from bot.domain.secrets import Secret


class RunnerCall(StrEnum):
    """A call to the runner on the host, about one attempt of a step."""

    START = "start"
    """Start it, or follow it where this attempt was started before."""
    RESUME = "resume"
    """Follow it; never start it."""
    END = "end"
    """End what it started; an attempt that was never started is kept from ever starting."""


@dataclass(frozen=True)
class Identity:
    """The identity of an attempt of a step, which names its folder on the host.

    Args:
        run: ID of the run.
        place: name of the host.
        key: of the step.
        attempt: 1 for the first.
        layout: of the journal that has it.

    Raises:
        ValueError: it is not safe in a path.
    """

    run: str
    place: str
    key: str
    attempt: int
    layout: JournalLayout = JournalLayout.RUN_AND_PLACE

    def __post_init__(self) -> None:
        if not (is_name(self.run) and is_name(self.place) and is_name(self.key) and self.attempt > 0):
            raise ValueError(f"not the identity of a step: {self.run!r} {self.place!r} {self.key!r} {self.attempt!r}")


@dataclass(frozen=True)
class Work:
    """What a step runs.

    Args:
        script: shell text, run by `sh FILE`.
        directory: in which directory on the host.
        timeout: seconds after which its processes are ended.
        expects: the commit that must be checked out there, else nothing runs; None where it does not matter.
        files: name to content of files that only the step can read; they exist while it runs.
        private: whether the script itself holds something secret, so that its copy goes when the step ends.

    Raises:
        ValueError: the name of a file is not safe in a path, or a text has a NUL byte or is no text in UTF-8.
    """

    script: str
    directory: str
    timeout: int
    expects: str | None = None
    files: Mapping[str, Secret] = field(default_factory=dict)
    private: bool = False

    def __post_init__(self) -> None:
        for name in self.files:
            if not is_name(name):
                raise ValueError(f"not the name of a private file: {name!r}")
        texts = (self.script, self.directory, *(secret.reveal() for secret in self.files.values()))
        if any("\0" in text for text in texts):
            raise ValueError("neither a script nor a directory nor a private file can contain a NUL byte")
        for text in texts:
            text.encode(errors="surrogateescape")


NO_WORK = Work("", "/", 0)
"""For calls that start nothing."""


@dataclass(frozen=True)
class StepCall:
    """One step of a call.

    Args:
        identity: which attempt.
        work: what to start.
        offset: bytes of its log that are already here.
    """

    identity: Identity
    work: Work
    offset: int = 0


def runner_input(call: RunnerCall, steps: Sequence[StepCall], token: int, nonce: str, load: str) -> bytes:
    """Write the input of `sh` on the host.

    It is one group in braces: where the connection is cut in the middle, the shell runs none of it. Scripts and
    secrets are in it as quoted words, so that they show in no list of processes.

    Args:
        call: what to do.
        steps: with which steps of one run at one place, in order. Only the first can have private files.
        token: of the run's claim.
        nonce: a random name that marks the runner's own lines.
        load: shell text that defines `main` (`bot.hosts.runner_program`).
    """
    identity, work = steps[0].identity, steps[0].work
    values = {
        "nonce": nonce,
        "run": identity.run,
        "place": identity.place,
        "folder": run_folder(identity.run, identity.place, identity.layout),
        "token": str(token),
        "steps": str(len(steps)),
    }
    files = [word for name, secret in work.files.items() for word in (name, secret.reveal())]
    lines = [
        "{",
        *_assignments(values),
        *(line for number, step in enumerate(steps, 1) for line in _step_function(number, step)),
        load,
        " ".join(["main", call.value, *(shlex.quote(word) for word in files)]),
        "}",
        "",
    ]
    return "\n".join(lines).encode(errors="surrogateescape")


def _step_function(number: int, step: StepCall) -> list[str]:
    """Write the shell function that sets the values of a step."""
    values = {
        "key": step.identity.key,
        "attempt": str(step.identity.attempt),
        "offset": str(step.offset),
        "limit": str(step.work.timeout),
        "directory": step.work.directory,
        "expects": step.work.expects or "",
        "private": "yes" if step.work.private else "",
        "script": step.work.script,
    }
    return [f"step_{number}() {{", *_assignments(values), "}"]


def _assignments(values: Mapping[str, str]) -> list[str]:
    return [f"{name}={shlex.quote(value)}" for name, value in values.items()]


# ── what the host says ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class RunnerStarted:
    """The runner has begun. Without this reply, nothing was done."""


@dataclass(frozen=True)
class ProgramMissing:
    """The host does not keep the runner's program; nothing was done."""


@dataclass(frozen=True)
class Claimed:
    """The attempt is claimed on the host; its log follows."""


@dataclass(frozen=True)
class Running:
    """It has been running for this many seconds, on the host's clock."""

    seconds: int


@dataclass(frozen=True)
class Exited:
    """It ended with this status."""

    status: int


class EndCause(StrEnum):
    """Why a step's processes were ended."""

    TIMED_OUT = "timed-out"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class StepEnded:
    """Its processes were ended.

    Args:
        why: by the time limit, or because somebody asked.
        gone: whether none of them lives.
    """

    why: EndCause
    gone: bool


@dataclass(frozen=True)
class DirectoryMissing:
    """Nothing ran: the directory could not be entered."""


@dataclass(frozen=True)
class CheckoutUnreadable:
    """Nothing ran: git could not say which commit is checked out; its words are in the log."""


@dataclass(frozen=True)
class CheckoutMoved:
    """Nothing ran: another commit is checked out."""

    found: str


@dataclass(frozen=True)
class NeverStarted:
    """It never ran and never will: the claim was not followed, or it was cancelled before."""


@dataclass(frozen=True)
class Unclaimed:
    """The steps before it ended well, and whoever was to start it is gone: it was never claimed."""


@dataclass(frozen=True)
class Lost:
    """It was started, nothing of it lives, and it left no status."""


@dataclass(frozen=True)
class Absent:
    """The host has no journal of it."""


@dataclass(frozen=True)
class Overtaken:
    """The host has seen a higher token: somebody else owns the run."""

    token: str


@dataclass(frozen=True)
class JournalUnwritable:
    """The journal could not be written; nothing ran."""

    what: str


@dataclass(frozen=True)
class GroupEnded:
    """Nothing of it lives now."""


@dataclass(frozen=True)
class GroupRemains:
    """Something of it still lives, despite KILL."""


FinalReply = (
    Exited
    | StepEnded
    | DirectoryMissing
    | CheckoutUnreadable
    | CheckoutMoved
    | NeverStarted
    | Unclaimed
    | Lost
    | Absent
    | Overtaken
    | JournalUnwritable
    | GroupEnded
    | GroupRemains
)
"""The last reply to a call."""

RunnerReply = RunnerStarted | ProgramMissing | Claimed | Running | FinalReply


def parse_reply(line: bytes, nonce: str) -> RunnerReply | None:
    """Read one line of the runner's standard error.

    Args:
        line: with or without its end.
        nonce: with which the runner marks its lines.

    Returns:
        What it means; None for a line that is not the runner's.
    """
    words = line.decode(errors="replace").split()
    if len(words) < 2 or words[0] != nonce:
        return None
    match words[1:]:
        case ["hello"]:
            return RunnerStarted()
        case ["missing"]:
            return ProgramMissing()
        case ["claimed"]:
            return Claimed()
        case ["running", seconds] if seconds.lstrip("-").isdigit():
            return Running(int(seconds))
        case ["ended", "exit", status] if status.isdigit():
            return Exited(int(status))
        case ["ended", ("timed-out" | "cancelled") as why, ("gone" | "there") as left]:
            return StepEnded(EndCause(why), left == "gone")
        case ["ended", "refused", "directory"]:
            return DirectoryMissing()
        case ["ended", "refused", "checkout"]:
            return CheckoutUnreadable()
        case ["ended", "refused", "moved", found]:
            return CheckoutMoved(found)
        case ["never"] | ["ended", "cancelled", "never"] | ["ending", "never"]:
            return NeverStarted()
        case ["unclaimed"]:
            return Unclaimed()
        case ["lost"]:
            return Lost()
        case ["absent"]:
            return Absent()
        case ["overtaken", token]:
            return Overtaken(token)
        case ["cannot", *what]:
            return JournalUnwritable(" ".join(what))
        case ["ending", "gone"]:
            return GroupEnded()
        case ["ending", "there"]:
            return GroupRemains()
    return None
