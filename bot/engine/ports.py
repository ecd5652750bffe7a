"""The protocols through which the engine reaches the outside. The engine owns them; the edges implement them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bot.domain.errors import Problem
from bot.domain.policies.people import Roster
from bot.domain.runs.plan import Step
from bot.domain.runs.run import Run
from bot.domain.targets.branch_commits import BranchCommits
from bot.domain.targets.look import Look
from bot.domain.targets.migration_report import MigrationStatus
from bot.domain.targets.snapshot import TargetState
from bot.domain.targets.target import Emoji, Target


class Clock(Protocol):
    """The time, so that tests can hold it."""

    def now(self) -> datetime:
        """Give the time now, in UTC, with its time zone."""
        ...


# ── performing steps ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Job:
    """One step at one place, in one attempt. (run, step key, attempt) is its identity on the host.

    Args:
        run: ID of the run.
        token: of the run's claim; a host refuses one lower than the highest it has seen for the run.
        step: what to do.
        place: name of the host, or `-` for the bot itself.
        attempt: 1 for the first.
        target: where.
        offset: bytes of its output that are already taken in; output is given from there on.
    """

    run: str
    token: int
    step: Step
    place: str
    attempt: int
    target: Target
    offset: int = 0


class Output(Protocol):
    """Takes in what a job tells while it runs. Both methods may be called again with what they were told before."""

    async def begun(self) -> None:
        """The host has confirmed the claim: from here on the job must never be started again."""
        ...

    async def write(self, offset: int, chunk: bytes) -> None:
        """Take in output.

        Args:
            offset: of the first byte of the chunk in the whole output.
            chunk: raw bytes, unmasked.
        """
        ...


@dataclass(frozen=True)
class Done:
    """It ended with exit status 0 (or what it asked for holds).

    Args:
        facts: what it found out.
    """

    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """It ended, and not well; or its process group was ended and is gone.

    Args:
        problem: why.
        exit_status: of its process, where there is one.
    """

    problem: Problem
    exit_status: int | None = None


@dataclass(frozen=True)
class Unknown:
    """It may have run, wholly, partly or not at all: nothing is guessed."""

    problem: Problem


@dataclass(frozen=True)
class NotStarted:
    """It certainly never ran: the host could not be reached before the claim, or the claim was never followed."""

    problem: Problem


Outcome = Done | Failed | Unknown | NotStarted


class Effect(StrEnum):
    """What a step's own check says."""

    TOOK = "took"
    DID_NOT = "did_not"
    CANNOT_TELL = "cannot_tell"


class Ending(StrEnum):
    """What became of a process group that was to be ended."""

    GONE = "gone"
    NEVER_RAN = "never_ran"
    STILL_THERE = "still_there"
    UNREACHABLE = "unreachable"


class Performer(Protocol):
    """Does steps of one kind of act. One is registered for each class of `bot.domain.runs.acts.Act`.

    No method raises for what the outside does: every failure is an outcome. Time limits are the performer's: it ends
    the process group itself when `step.timeout` seconds have passed on the host's clock, and answers `Failed`
    with `timed_out` only when the group is gone, else `Unknown`.
    Being cancelled (`asyncio.CancelledError`) must leave a running job running: a later call picks it up.
    """

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Start the job, or adopt it where this very attempt was started before; follow it to its end.

        A lost connection is made again and the job followed on, until its time limit.
        """
        ...

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`, but never start it: it was begun before. A journal that is gone is `Unknown`."""
        ...

    async def check(self, job: Job) -> Effect:
        """Run the step's own check at the job's place."""
        ...

    async def end(self, job: Job) -> Ending:
        """End the job's process group (TERM, then KILL), and say so only when it is gone."""
        ...


class TargetReader(Protocol):
    """Gives the way to read a target."""

    def look(self, target: Target) -> Look:
        """Give a `Look` at a target."""
        ...


class Branches(Protocol):
    """Reads what origin has."""

    async def newest(self, target: Target) -> BranchCommits:
        """Read what the target's branch has that is not live. Raises `RefusedError` where that cannot be read."""
        ...


# ── people ──────────────────────────────────────────────────────────────────────────────────────────


class ReactionsUnavailableError(Exception):
    """Slack cannot be asked now; nothing may be decided from what was remembered."""


class ReactionReader(Protocol):
    """What people said in Slack, read at the moment it is asked for."""

    async def reactions(self, run: Run) -> Mapping[str, frozenset[Emoji]]:
        """Read the reactions that are on the request to approve of the run's gate now.

        Returns:
            For each person (not the bot itself) what their emoji mean. Empty where the request is not posted yet.

        Raises:
            ReactionsUnavailableError: Slack did not answer.
        """
        ...


class Directory(Protocol):
    """Who people are, looked up at the moment of a decision."""

    async def roster(self, users: frozenset[str], groups: frozenset[str]) -> Roster:
        """Look up users and the members of user groups.

        What cannot be looked up is missing in the roster, which never counts as a yes.
        """
        ...

    async def current_roster(self, users: frozenset[str], groups: frozenset[str]) -> Roster:
        """Look up as `roster` does, and believe no earlier answer: for the last look before something is changed."""
        ...


class RunObserver(Protocol):
    """Who wants to know that a run has changed: the publisher, the metrics."""

    def run_changed(self, run: str) -> None:
        """Take note that a run has changed; returns at once."""
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
