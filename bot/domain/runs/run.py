"""Runs: the executions of plans, with their states, steps, votes and gate."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from bot.domain.errors import Problem
from bot.domain.json_codec import stored
from bot.domain.policies.policy import Requirement
from bot.domain.runs.approval import GateState
from bot.domain.runs.journal_layout import JOURNAL, STRETCH
from bot.domain.runs.plan import Phase, Plan, Risk, Step
from bot.domain.runs.request import Request
from bot.domain.runs.watching import Watching
from bot.domain.signatures.signature import Signature


class RunState(StrEnum):
    """The states of CONTRACT.md."""

    PLANNING = "planning"
    AWAITING_APPROVAL = "awaiting_approval"
    QUEUED = "queued"
    RUNNING = "running"
    VERIFYING = "verifying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    NEEDS_HUMAN = "needs_human"


ENDS = frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.REJECTED, RunState.EXPIRED, RunState.CANCELLED})
"""Final states."""

BEFORE_CHANGE = frozenset({RunState.QUEUED, RunState.PLANNING, RunState.AWAITING_APPROVAL})
"""States in which nothing in production has changed."""

LEGAL: dict[RunState, frozenset[RunState]] = {
    # To `running` where it was approved and waited for its time; that ends by a rejection, or when it has passed.
    RunState.QUEUED: frozenset(
        {
            RunState.PLANNING,
            RunState.RUNNING,
            RunState.CANCELLED,
            RunState.FAILED,
            RunState.REJECTED,
            RunState.EXPIRED,
        }
    ),
    RunState.PLANNING: frozenset(
        {
            RunState.AWAITING_APPROVAL,
            RunState.QUEUED,
            RunState.RUNNING,
            RunState.SUCCEEDED,
            RunState.FAILED,
            RunState.CANCELLED,
        }
    ),
    RunState.AWAITING_APPROVAL: frozenset(
        {
            RunState.QUEUED,
            RunState.RUNNING,
            RunState.REJECTED,
            RunState.EXPIRED,
            RunState.CANCELLED,
            RunState.FAILED,
        }
    ),
    # Back to the gate where the rehearsal behind it found more than was approved.
    RunState.RUNNING: frozenset(
        {
            RunState.AWAITING_APPROVAL,
            RunState.VERIFYING,
            RunState.FAILED,
            RunState.CANCELLED,
            RunState.NEEDS_HUMAN,
            RunState.SUCCEEDED,
        }
    ),
    RunState.VERIFYING: frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.NEEDS_HUMAN}),
    RunState.NEEDS_HUMAN: frozenset({RunState.RUNNING, RunState.FAILED, RunState.SUCCEEDED, RunState.CANCELLED}),
} | {end: frozenset() for end in ENDS}
"""Legal successors of each state; the store changes a state only from a legal predecessor."""


UNREACHABLE_SINCE = "unreachable_since"
"""Fact of the row of a step that runs detached: when its host was lost; it is gone once the host answers again."""

NOT_READ = 77
"""Exit status of a step of verify that could not read what it checks; automake's programs say *skipped* by it."""


class StepState(StrEnum):
    """The states of a step in CONTRACT.md."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class StepRow:
    """One step of a plan at one place, in its latest attempt.

    Args:
        position: its order in the run, from 0.
        key: of the step.
        title: of the step.
        phase: of the step.
        risk: of the step.
        place: name of the host, or `-` for the bot itself.
        attempt: 1 for the first.
        state: of this attempt.
        begun: whether a host has confirmed the claim of this attempt; it is then never started again.
        started_at: when the intent was committed.
        ended_at: when the outcome was committed.
        exit_status: of its process, if there is one.
        problem: what went wrong.
        offset: bytes of its output that have been read.
        tail: the last lines of its output, masked.
        facts: its results, for the evidence (a backup's size and checksum), the layout of the host's journal, and
            since when its host cannot be reached.
    """

    position: int
    key: str
    title: str
    phase: Phase
    risk: Risk
    place: str
    attempt: int = 1
    state: StepState = StepState.PENDING
    begun: bool = False
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_status: int | None = None
    problem: Problem | None = None
    offset: int = 0
    tail: str = ""
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def results(self) -> dict[str, str]:
        """Its facts without those that tell how a host was asked for it."""
        return {name: value for name, value in self.facts.items() if name not in {JOURNAL, STRETCH, UNREACHABLE_SINCE}}

    @property
    def unreachable_since(self) -> datetime | None:
        """When the host was lost on which it runs detached; None where it answers."""
        since = self.facts.get(UNREACHABLE_SINCE, "")
        return datetime.fromisoformat(since) if since and self.state is StepState.RUNNING else None

    def lost_at(self, at: datetime) -> StepRow:
        """Give it as it is while its host cannot be reached, from a time on."""
        return replace(self, facts={UNREACHABLE_SINCE: at.isoformat(), **self.facts})

    def found(self) -> StepRow:
        """Give it as it is once its host answers again."""
        return replace(self, facts={name: value for name, value in self.facts.items() if name != UNREACHABLE_SINCE})


@dataclass(frozen=True)
class Vote:
    """A person's reaction to a request to approve, as last read.

    Args:
        user: Slack's ID.
        digest: of the plan to approve.
        choice: `approve` or `reject`.
        counts: whether it counted when it was judged.
        reason: a code of `Ignored`; if it counts, empty, or `SIGNED_ALONE`.
        at: when it was first read.
    """

    user: str
    digest: str
    choice: str
    counts: bool
    reason: str
    at: datetime


@dataclass(frozen=True)
class PassedGate:
    """An earlier request to approve of the same run, which was passed before it was asked again.

    Args:
        digest: of the plan that was approved.
        needed: how many approvals it took.
        approvers: Slack's IDs of those who gave them.
    """

    digest: str
    needed: int
    approvers: tuple[str, ...]


@dataclass(frozen=True)
class Gate:
    """A request to approve.

    Args:
        state: of the request.
        digest: of the plan to approve.
        requirement: the approvals that it takes.
        opened_at: when it began to wait.
        expires_at: when it stops waiting, or by when a late approval is due.
        afterwards: whether it is a late approval: an emergency, whose changes did not wait for it.
        reminded_at: time of the latest reminder, one of those of `bot.domain.runs.reminders`.
        earlier: those of the run that came before, in order; only this one counts.
        nonce: of this request alone, so that nothing that was signed before counts for it; empty in requests of earlier
            versions.
    """

    state: GateState
    digest: str
    requirement: Requirement
    opened_at: datetime
    expires_at: datetime
    afterwards: bool = field(default=False, metadata=stored(optional=True))
    reminded_at: datetime | None = field(default=None, metadata=stored(optional=True))
    earlier: tuple[PassedGate, ...] = field(default=(), metadata=stored(optional=True))
    nonce: str = field(default="", metadata=stored(optional=True))

    @property
    def owed(self) -> bool:
        """Whether changes were made in an emergency and are still to be approved."""
        return self.afterwards and self.state is GateState.OPEN


@dataclass(frozen=True)
class Run:
    """Everything about one run at one moment. Cards, console output and the engine's next step are functions of it.

    Args:
        id: such as `R-7K3F9Q`.
        sequence: its position among all runs, oldest first.
        request: that it answers.
        state: of the run.
        revision: raised by every change.
        created_at: when the request was accepted.
        plan: once there is one; sealed as soon as `gate` is set.
        gate: once there is one.
        steps: in order.
        votes: as last read.
        signatures: of its plans, that were valid when they were given.
        place_in_queue: 1 for the next to start; 0 if it does not wait.
        waited: whether it had to wait for another run on its target.
        change_started_at: when the first change was allowed to start.
        ended_at: when it ended.
        problem: why it failed or needs a decision.
        cancelled_by: who asked to cancel it; empty if nobody did.
        nothing_to_do: whether it ended because the request was already satisfied.
        facts: its results, for the outcome.
        watching: the watch of its target after it went through; None where there is none.
    """

    id: str
    sequence: int
    request: Request
    state: RunState
    revision: int
    created_at: datetime
    plan: Plan | None = None
    gate: Gate | None = None
    steps: tuple[StepRow, ...] = ()
    votes: tuple[Vote, ...] = ()
    signatures: tuple[Signature, ...] = ()
    place_in_queue: int = 0
    waited: bool = False
    change_started_at: datetime | None = None
    ended_at: datetime | None = None
    problem: Problem | None = None
    cancelled_by: str = ""
    nothing_to_do: bool = False
    facts: dict[str, str] = field(default_factory=dict)
    watching: Watching | None = None

    @property
    def ended(self) -> bool:
        """Whether it is in a final state."""
        return self.state in ENDS

    @property
    def waits_for_time(self) -> bool:
        """Whether it has passed its gate and waits, in state `queued`, for the time at which it is to begin."""
        return self.state is RunState.QUEUED and self.gate is not None

    @property
    def changed_anything(self) -> bool:
        """Whether a step that can change production was started."""
        untouched = {StepState.PENDING, StepState.SKIPPED}
        return any(row.risk is not Risk.READS and row.state not in untouched for row in self.steps)

    @property
    def step_order(self) -> tuple[str, ...]:
        """The keys of its steps, in order."""
        return tuple(dict.fromkeys(row.key for row in self.steps))

    def rows(self, key: str) -> tuple[StepRow, ...]:
        """Give the rows of one step, one for each place."""
        return tuple(row for row in self.steps if row.key == key)

    def rows_of(self, step: Step) -> tuple[StepRow, ...]:
        """Give the rows of a step at its own places, which may be a part of those that the plan's step has."""
        return tuple(row for row in self.steps if row.key == step.key and row.place in step.places)


_WORST_FIRST = (
    StepState.UNKNOWN,
    StepState.FAILED,
    StepState.RUNNING,
)


def step_state(rows: tuple[StepRow, ...]) -> StepState:
    """Summarise one step over its places.

    Args:
        rows: of one step, one for each place; at least one.

    Returns:
        The worst state; `running` while some are done and others pending.
    """
    states = {row.state for row in rows}
    for worst in _WORST_FIRST:
        if worst in states:
            return worst
    if len(states) == 1:
        return states.pop()
    if StepState.PENDING in states:
        return StepState.RUNNING
    return StepState.DONE
