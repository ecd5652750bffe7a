"""What the engine needs of the store, and the changes that it writes there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.errors import Problem
from bot.domain.inbox import Event, Posted
from bot.domain.names import TargetName
from bot.domain.policies.lock import Lock, LockNotice
from bot.domain.runs.history import Entry, Record
from bot.domain.runs.plan import Plan
from bot.domain.runs.request import Request
from bot.domain.runs.run import Gate, Run, RunState, StepRow, Vote
from bot.domain.targets.dashboard import Viewer
from bot.domain.targets.overview import TargetOverview


class LeaseLostError(Exception):
    """Another owner has claimed the run since: nothing was written."""


@dataclass(frozen=True)
class RunLease:
    """A claim on a run.

    Args:
        run: the run's ID.
        owner: who claimed it, one name a process.
        token: of this claim; higher than that of every claim before.
    """

    run: str
    owner: str
    token: int


@dataclass(frozen=True)
class MoveTo:
    """The run changes its state. Legal predecessors only (`bot.domain.runs.run.LEGAL`).

    Args:
        state: the new one.
        at: when.
        problem: why, where it failed or needs somebody.
        nothing_to_do: whether it ends because the world was already as asked.
    """

    state: RunState
    at: datetime
    problem: Problem | None = None
    nothing_to_do: bool = False


@dataclass(frozen=True)
class PlanIs:
    """The run has a plan (or the sealed form of it)."""

    plan: Plan


@dataclass(frozen=True)
class StepsAdded:
    """The run has more steps; rows that exist already are left as they are."""

    rows: tuple[StepRow, ...]


@dataclass(frozen=True)
class StepIs:
    """A step at one place, in one attempt, has changed; a new attempt is a new row."""

    row: StepRow


@dataclass(frozen=True)
class GateIs:
    """The gate was opened, or something has become of it."""

    gate: Gate


@dataclass(frozen=True)
class VotesAre:
    """The votes on the run's gate as they were just read and judged; votes that are gone are withdrawn."""

    votes: tuple[Vote, ...]


@dataclass(frozen=True)
class ChangeStarts:
    """The first change is allowed to start."""

    at: datetime


@dataclass(frozen=True)
class FactsAre:
    """The run found out something for its outcome; merged into what it knew."""

    facts: Mapping[str, str]


@dataclass(frozen=True)
class Chunk:
    """A piece of a step's output that is kept.

    Args:
        key: of the step.
        place: host.
        attempt: of the step.
        offset: in the whole output, bytes.
        data: masked bytes.
    """

    key: str
    place: str
    attempt: int
    offset: int
    data: bytes


@dataclass(frozen=True)
class Printed:
    """A piece of a step's output is kept; one that is kept already (same step, place, attempt, offset) stays."""

    chunk: Chunk


@dataclass(frozen=True)
class TailIs:
    """The last piece of a step's output, the one that moves along, is this now."""

    chunk: Chunk


Change = MoveTo | PlanIs | StepsAdded | StepIs | GateIs | VotesAre | ChangeStarts | FactsAre | Printed | TailIs


@dataclass(frozen=True)
class CancelRequest:
    """What somebody at the bot's own machine asks: that a run is cancelled.

    Args:
        run: the run's ID.
        actor: who asks, as the history names them.
        at: when.
    """

    run: str
    actor: str
    at: datetime


class RunStore(Protocol):
    """The bot's memory of runs. Every write is one transaction; a run's writes carry the token of its lease.

    `revision` of the run rises with every change of it. A write that a later owner has overtaken raises
    `LeaseLostError`.
    """

    async def create(self, run: str, request: Request, at: datetime, entry: Entry) -> Run:
        """Make a run in state `queued`, with its first record of history.

        The event of the request makes one run only: for an event that has made one, that run is given back.
        """
        ...

    async def get(self, run: str) -> Run | None:
        """Read one run, whole."""
        ...

    async def recent(self, limit: int) -> tuple[Run, ...]:
        """Read the latest runs, newest first."""
        ...

    async def of_target(self, app: str, environment: str, limit: int) -> tuple[Run, ...]:
        """Read the latest runs on one target, newest first."""
        ...

    async def unfinished(self) -> tuple[str, ...]:
        """Name the runs that have not ended, oldest first."""
        ...

    async def owing(self) -> tuple[str, ...]:
        """Name the runs that are still to be countersigned afterwards, oldest first."""
        ...

    async def claim(self, run: str, owner: str, lease: timedelta) -> RunLease | None:
        """Claim a run that nobody holds or whose lease has run out, by one guarded UPDATE that raises its token."""
        ...

    async def renew(self, lease: RunLease, length: timedelta) -> None:
        """Hold on to a claim.

        Raises:
            Overtaken: somebody else has it.
        """
        ...

    async def release(self, lease: RunLease) -> None:
        """Give a claim back; nothing happens where it is already somebody else's."""
        ...

    async def admit(self, lease: RunLease, at: datetime) -> bool:
        """Let a queued run begin planning if it is the first on its target, holding the target until it ends."""
        ...

    async def write(self, lease: RunLease, changes: tuple[Change, ...], entries: tuple[Entry, ...] = ()) -> Run:
        """Apply changes and append records of history, in one transaction.

        Raises:
            Overtaken: the lease is no longer the run's latest.
            ValueError: a change of state that is not legal.
        """
        ...

    async def record(self, lease: RunLease, changes: tuple[Change, ...], entries: tuple[Entry, ...] = ()) -> None:
        """As `write`, for those who do not ask how the run is afterwards."""
        ...

    async def request_cancel(self, run: str, user: str, at: datetime) -> bool:
        """Note that somebody wants a run cancelled; true where it had not ended and nobody had asked before."""
        ...

    async def touch(self, run: str) -> None:
        """Raise the revision of a run that waits at its gate, so that whoever drives it looks again."""
        ...

    async def petitions(self) -> tuple[CancelRequest, ...]:
        """Read what the console asked for and nobody has taken yet, oldest first."""
        ...

    async def cancel_request_taken(self, cancel_request: CancelRequest) -> None:
        """Note that what the console asked for is done."""
        ...

    async def output(self, run: str) -> tuple[Chunk, ...]:
        """Read what was kept of a run's output: by step, place, attempt and offset."""
        ...

    async def step_seconds(self, app: str, environment: str, key: str, limit: int) -> tuple[float, ...]:
        """Read how long the latest done attempts of a step took on a target, newest first."""
        ...

    async def append(self, entries: tuple[Entry, ...], at: datetime) -> None:
        """Append records that belong to no claim."""
        ...

    async def history(self, run: str | None = None) -> tuple[Record, ...]:
        """Read the history, of one run or all, in order."""
        ...


class LockStore(Protocol):
    """The bot's memory of locks, and of how targets stand."""

    async def lock(self, wanted: Lock) -> Lock:
        """Lock a target, with a record of history; where an earlier lock is on it, that one stays and is given."""
        ...

    async def unlock(self, lock: Lock, user: str, at: datetime, channel: str) -> bool:
        """Take a lock off its target, with a record of history; false where it is on it no more.

        Where it was somebody else's, that they are to be told in this channel is remembered in the same transaction.
        """
        ...

    async def every_lock(self) -> tuple[Lock, ...]:
        """Read all locks, by target."""
        ...

    async def lock_of(self, target: TargetName) -> Lock | None:
        """Read the lock that is on a target."""
        ...

    async def overviews(self, targets: tuple[TargetName, ...]) -> tuple[TargetOverview, ...]:
        """Read how targets stand, in their order."""
        ...

    async def latest(self, targets: tuple[TargetName, ...], limit: int) -> tuple[Run, ...]:
        """Read the latest runs on some targets, newest first, without steps and votes."""
        ...

    async def releases(self, target: TargetName, limit: int) -> tuple[Run, ...]:
        """Read the latest runs that ended and had begun to change what is live, newest first, without steps."""
        ...


class LockNoticeStore(Protocol):
    """What the owners of locks are still to be told."""

    async def lock_notices(self) -> tuple[LockNotice, ...]:
        """Read what is to be told, oldest first."""
        ...

    async def lock_notice_intended(self, notice: LockNotice) -> None:
        """Note that Slack is about to be asked to post it."""
        ...

    async def lock_notice_told(self, notice: LockNotice) -> None:
        """Forget it: it was told, or never can be."""
        ...


class InboxStore(Protocol):
    """Events from outside, recorded before they are acknowledged."""

    async def receive(self, event: Event) -> bool:
        """Record an event; false where it was recorded before. Returns when it is committed."""
        ...

    async def waiting(self, limit: int) -> tuple[Event, ...]:
        """Read events that were not settled, oldest first."""
        ...

    async def settle(self, event: str) -> None:
        """Note that an event has had its effect."""
        ...


class MessageStore(Protocol):
    """What Slack was last told about each run."""

    async def messages(self, run: str) -> Mapping[str, Posted]:
        """Read the messages of a run, by slot."""
        ...

    async def save_message(self, posted: Posted) -> None:
        """Insert or replace one message."""
        ...

    async def cards(self, runs: frozenset[str]) -> Mapping[str, Posted]:
        """Read the cards of runs, by the run; one that is not posted yet is missing."""
        ...

    async def find_message(self, channel: str, ts: str) -> Posted | None:
        """Find which run's message this is."""
        ...

    async def unpublished(self) -> tuple[str, ...]:
        """Name the runs that changed since `mark_published`, oldest change first."""
        ...

    async def mark_published(self, run: str, revision: int) -> None:
        """Note up to which revision Slack agrees with a run; never goes back."""
        ...


class HomeStore(Protocol):
    """Who opened the App Home."""

    async def viewers(self, since: datetime) -> tuple[Viewer, ...]:
        """Read who opened it since an instant, the latest first."""
        ...

    async def saw_home(self, viewer: Viewer) -> None:
        """Note that somebody opened it, or chose what it shows."""
        ...
