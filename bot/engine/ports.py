"""The protocols through which the engine reaches the outside world; the other rooms implement them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum, auto
from typing import Protocol, runtime_checkable

from bot.domain.errors import Problem
from bot.domain.policies.people import Roster
from bot.domain.runs.journal_layout import JournalLayout, notes_folder
from bot.domain.runs.plan import Plan, Step
from bot.domain.runs.run import Run
from bot.domain.runs.watching import Sighting
from bot.domain.shell import Command
from bot.domain.signatures.signature import Armour, SignatureProblem
from bot.domain.signatures.signer_keys import SignerKey
from bot.domain.targets.branch_commits import BranchCommits
from bot.domain.targets.look import Look
from bot.domain.targets.migration_report import MigrationStatus
from bot.domain.targets.snapshot import TargetState
from bot.domain.targets.target import Emoji, Target
from bot.domain.targets.watch import Watch


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """Give the time now, in UTC, with its time zone."""
        ...


# ── performing steps ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Job:
    """One step at one place, in one attempt. (run, place, step key, attempt) is its identity on the host.

    Args:
        run: ID of the run.
        token: of the run's lease; a host refuses one lower than the highest it has seen for the run.
        step: what to do.
        place: name of the host, or `-` for the bot itself.
        attempt: 1 for the first.
        target: where.
        offset: bytes of its output that are stored already; output is given from there on.
        journal: the layout of the host's journal in which the attempt is begun.
    """

    run: str
    token: int
    step: Step
    place: str
    attempt: int
    target: Target
    offset: int = 0
    journal: JournalLayout = JournalLayout.RUN_AND_PLACE

    @property
    def notes(self) -> Command:
        """The shell word for the folder of the run's notes at its place (`COUNTERSIGN_RUN_DIR`)."""
        return notes_folder(self.run, self.place, self.journal)


class Output(Protocol):
    """Takes the output of a running job. Each method may be called again with the same arguments."""

    async def begun(self) -> None:
        """Note that the host has confirmed the claim, so that the job must never be started again."""
        ...

    async def write(self, offset: int, chunk: bytes) -> None:
        """Store output.

        Args:
            offset: of the first byte of the chunk in the whole output.
            chunk: raw bytes, unmasked.
        """
        ...

    async def unreachable(self) -> None:
        """Note that the host cannot be reached now; it is tried again."""
        ...

    async def reachable(self) -> None:
        """Note that the host follows the job again."""
        ...


@dataclass(frozen=True)
class Done:
    """The job ended with exit status 0, or its condition holds.

    Args:
        facts: its results.
    """

    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """The job failed, or its process group was ended and is gone.

    Args:
        problem: why.
        exit_status: of its process, where there is one.
    """

    problem: Problem
    exit_status: int | None = None


@dataclass(frozen=True)
class Unknown:
    """The job may have run wholly, partly or not at all."""

    problem: Problem


@dataclass(frozen=True)
class NotStarted:
    """The job certainly never ran: the host was not reached before the claim, or the claim was void."""

    problem: Problem


Outcome = Done | Failed | Unknown | NotStarted


class Effect(StrEnum):
    """The answer of a step's own check."""

    TOOK = "took"
    DID_NOT = "did_not"
    CANNOT_TELL = "cannot_tell"


class Ending(StrEnum):
    """The result of ending a process group."""

    GONE = "gone"
    NEVER_RAN = "never_ran"
    STILL_THERE = "still_there"
    UNREACHABLE = "unreachable"


class Performer(Protocol):
    """Performs steps whose act is of one class of `bot.domain.runs.acts.Act`.

    No method raises for a failure outside: every failure is an outcome. The performer enforces time limits: it ends
    the process group when `step.timeout` seconds have passed on the host's clock, and gives `Failed` with `timed_out`
    only when the group is gone, else `Unknown`.
    Cancellation (`asyncio.CancelledError`) must leave a running job running; a later call adopts it.
    """

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Start the job, or adopt this attempt where it was started before, and follow it to its end.

        A lost connection is made again, until the job's time limit.
        """
        ...

    async def resume(self, job: Job, output: Output) -> Outcome:
        """Follow a job that was begun before, without ever starting it; without a journal its outcome is `Unknown`."""
        ...

    async def check(self, job: Job) -> Effect:
        """Run the step's own check at the job's place."""
        ...

    async def end(self, job: Job) -> Ending:
        """End the job's process group (TERM, then KILL), and give `GONE` only when it is gone."""
        ...


class StretchOutput(Protocol):
    """Takes what comes of a stretch: of each step its output, then its outcome, in order."""

    def of(self, number: int) -> Output:
        """Give what takes the output of a step.

        Args:
            number: of the step, from 0.
        """
        ...

    async def ended(self, number: int, outcome: Outcome) -> None:
        """Note how a step ended. Nothing comes of the steps behind one that was not done.

        Args:
            number: of the step, from 0.
            outcome: of the step.
        """
        ...


@runtime_checkable
class StretchPerformer(Performer, Protocol):
    """Also performs steps of one host one after the other, without a word of the bot between them."""

    async def perform_stretch(self, jobs: Sequence[Job], output: StretchOutput) -> None:
        """Start each step when the one before was done, or adopt it where this very attempt was started before.

        A step of which the output hears nothing was never claimed, unless the outcome before it is unknown.

        Args:
            jobs: of one run at one place, in order.
            output: takes in what comes of them.
        """
        ...


class TargetReader(Protocol):
    """Reads targets."""

    def look(self, target: Target) -> Look:
        """Give a `Look` at a target."""
        ...

    def prepare(self, target: Target) -> None:
        """Open in the background what a look that is about to be taken will need; returns at once."""
        ...


class WatchReader(Protocol):
    """Looks at what is watched after a change; it changes nothing."""

    async def read(self, target: Target, watch: Watch, run: Run, plan: Plan | None) -> tuple[Sighting, ...]:
        """Look once at each thing that is watched.

        Args:
            target: that is watched.
            watch: what to look at.
            run: after which it is watched.
            plan: of the run, with its secrets; None where it has none.
        """
        ...


class Branches(Protocol):
    """Reads branches at origin."""

    async def newest(self, target: Target) -> BranchCommits:
        """Read the commits of the target's branch that are not live. Raises `RefusedError` where that fails."""
        ...


# ── people ──────────────────────────────────────────────────────────────────────────────────────────


class ReactionsUnavailableError(Exception):
    """Slack does not answer now, so the reactions are unknown."""


class Occasion(Enum):
    """Why reactions are read; the reading is the same."""

    CHANGE = auto()
    """A change is about to begin."""
    EVENT = auto()
    """Somebody reacted."""
    ROUTINE = auto()
    """An event may have been lost."""


class ReactionReader(Protocol):
    """Reads the current reactions of people in Slack."""

    async def reactions(self, run: Run, occasion: Occasion) -> Mapping[str, frozenset[Emoji]]:
        """Read the current reactions to a run's request to approve.

        Args:
            run: whose request it is.
            occasion: why they are read, which decides what goes first where Slack's limits are short.

        Returns:
            The meanings of their emoji by person, without the bot; empty where nothing was posted yet.

        Raises:
            ReactionsUnavailableError: Slack did not answer, or the request is just being posted.
        """
        ...


class SignatureVerifier(Protocol):
    """Checks signatures by the keys that are configured now."""

    async def verify(self, text: str, armour: Armour, user: str, at: datetime) -> SignerKey | SignatureProblem:
        """Check a signature, and give the key that made it, or why it does not count.

        Args:
            text: that must have been signed.
            armour: the signature.
            user: Slack's ID of who must have signed.
            at: when it is to count.
        """
        ...


class Directory(Protocol):
    """Looks up users and groups at the moment of a decision."""

    async def roster(self, users: frozenset[str], groups: frozenset[str]) -> Roster:
        """Look up users and the members of user groups.

        What cannot be looked up is missing in the roster, and never counts as membership.
        """
        ...

    async def current_roster(self, users: frozenset[str], groups: frozenset[str]) -> Roster:
        """Look up as `roster` does, and believe no earlier answer: for the last look before something is changed."""
        ...

    async def zone(self, user: str) -> str:
        """Look up a person's time zone (IANA); empty where it is not known soon."""
        ...


class Channels(Protocol):
    """The channels in which runs are told."""

    async def closed(self, channel: str) -> Problem | None:
        """Give the problem because of which nothing can be posted in a channel; None where it can, or nobody can tell.

        Args:
            channel: Slack's ID.
        """
        ...


class RunObserver(Protocol):
    """Is called after each change of a run."""

    def run_changed(self, run: str) -> None:
        """Note that a run has changed; returns at once."""
        ...


# ── commands ────────────────────────────────────────────────────────────────────────────────────────


class StatusReader(Protocol):
    """What the engine asks of `/migrate-status`."""

    async def status(self, target: Target, look: Look) -> MigrationStatus:
        """Read where the migrations of a target stand. Raises `RefusedError` where that cannot be read."""
        ...

    async def read_state(self, target: Target, look: Look) -> TargetState:
        """Read what is live and what is pending. Raises `RefusedError` where that cannot be read."""
        ...


class Leadership(Protocol):
    """The right to do work that one process at a time does for all that share the store."""

    @property
    def held(self) -> bool:
        """Whether this process has it now."""
        ...
