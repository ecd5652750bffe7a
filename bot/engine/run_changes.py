"""Changes of a run as the engine writes them to the store, and the lease under which it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.domain.errors import Problem
from bot.domain.runs.plan import Plan
from bot.domain.runs.run import Gate, RunState, StepRow, Vote
from bot.domain.runs.watching import Watching


class LeaseLostError(Exception):
    """Another owner has claimed the run since; nothing was written."""


@dataclass(frozen=True)
class RunLease:
    """A process's claim on a run.

    Args:
        run: the run's ID.
        owner: the process that claimed it.
        token: of this claim; higher than that of every earlier claim on the run.
    """

    run: str
    owner: str
    token: int


@dataclass(frozen=True)
class RunSummary:
    """How a run stands.

    Args:
        run: its ID.
        state: of it.
        revision: raised by each change of it.
        cancelled_by: who wants it cancelled; empty where nobody does.
    """

    run: str
    state: RunState
    revision: int
    cancelled_by: str


@dataclass(frozen=True)
class MoveTo:
    """The run enters another state, from a legal predecessor (`bot.domain.runs.run.LEGAL`).

    Args:
        state: the new one.
        at: when.
        problem: why, where it failed or needs a person.
        nothing_to_do: whether it ends because the world was already as requested.
    """

    state: RunState
    at: datetime
    problem: Problem | None = None
    nothing_to_do: bool = False


@dataclass(frozen=True)
class PlanIs:
    """The run has a plan, or its sealed form."""

    plan: Plan


@dataclass(frozen=True)
class StepsAdded:
    """The run has more steps; existing rows stay as they are."""

    rows: tuple[StepRow, ...]


@dataclass(frozen=True)
class StepIs:
    """An attempt of a step at one place has changed; a new attempt is a new row."""

    row: StepRow


@dataclass(frozen=True)
class StepsAre:
    """Attempts of several steps, or at several places, have changed at once, as `StepIs` says of one."""

    rows: tuple[StepRow, ...]


@dataclass(frozen=True)
class GateIs:
    """The gate was opened or has changed."""

    gate: Gate


@dataclass(frozen=True)
class VotesAre:
    """The votes on the run's gate, as just read and judged; a vote that is missing was withdrawn."""

    votes: tuple[Vote, ...]


@dataclass(frozen=True)
class ChangeStarts:
    """The first change may start."""

    at: datetime


@dataclass(frozen=True)
class ChangePutOff:
    """The first change that was allowed to start does not: approval is asked for again. None was begun."""


@dataclass(frozen=True)
class WaitsUntil:
    """The run waits in state `queued` until a time, and its target is free for others until then."""

    at: datetime


@dataclass(frozen=True)
class WatchIs:
    """The target is watched after the run, or that has changed."""

    watching: Watching


@dataclass(frozen=True)
class FactsAre:
    """Facts about the run's outcome, merged into those it has."""

    facts: Mapping[str, str]


@dataclass(frozen=True)
class Chunk:
    """A stored piece of a step's output.

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
    """Another piece of a step's output; one with the same step, place, attempt and offset stays as it is."""

    chunk: Chunk


@dataclass(frozen=True)
class TailIs:
    """The last piece of a step's output, which replaces the one before."""

    chunk: Chunk


Change = (
    MoveTo
    | PlanIs
    | StepsAdded
    | StepIs
    | StepsAre
    | GateIs
    | VotesAre
    | ChangeStarts
    | ChangePutOff
    | WaitsUntil
    | WatchIs
    | FactsAre
    | Printed
    | TailIs
)


@dataclass(frozen=True)
class CancelRequest:
    """A cancellation that was requested on the console of the bot's machine.

    Args:
        run: the run's ID.
        actor: who requested it, as the history names them.
        at: when.
    """

    run: str
    actor: str
    at: datetime
