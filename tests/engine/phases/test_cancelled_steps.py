"""How a step ends that was cancelled: "cancelled" is said only of what is certainly over, all else is unknown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from bot.domain.errors import Reason, problem
from bot.domain.runs.acts import Health
from bot.domain.runs.history import Entry
from bot.domain.runs.plan import Phase, Risk, Step
from bot.domain.runs.run import Run, RunState, StepRow, StepState
from bot.domain.secrets import Masker
from bot.engine.phases.execution import Execution
from bot.engine.ports import Done, Effect, Ending, Failed, Job, NotStarted, Outcome, Output, Unknown
from bot.engine.run_changes import Change, RunLease
from tests.engine.support.world import HeldClock
from tests.support.examples import NOON, REQUEST, TARGET

DONE = Done({"bytes": "12"})
FAILED = Failed(problem(Reason.EXIT_STATUS), 143)
UNKNOWN = Unknown(problem(Reason.OUTCOME_UNKNOWN))
NOT_STARTED = NotStarted(problem(Reason.HOST_UNREACHABLE))

IS_DONE = (StepState.DONE, None, 0)
IS_CANCELLED = (StepState.FAILED, Reason.CANCELLED, None)
IS_CANCELLED_143 = (StepState.FAILED, Reason.CANCELLED, 143)
IS_FAILED = (StepState.FAILED, Reason.EXIT_STATUS, 143)
IS_UNKNOWN = (StepState.UNKNOWN, Reason.STILL_RUNNING, None)

TABLE: tuple[tuple[Outcome, Ending, tuple[StepState, Reason | None, int | None]], ...] = (
    (DONE, Ending.GONE, IS_DONE),
    (DONE, Ending.NEVER_RAN, IS_DONE),
    (DONE, Ending.STILL_THERE, IS_DONE),
    (DONE, Ending.UNREACHABLE, IS_DONE),
    (FAILED, Ending.GONE, IS_CANCELLED_143),
    (FAILED, Ending.NEVER_RAN, IS_CANCELLED_143),
    (FAILED, Ending.STILL_THERE, IS_FAILED),
    (FAILED, Ending.UNREACHABLE, IS_FAILED),
    (UNKNOWN, Ending.GONE, IS_CANCELLED),
    (UNKNOWN, Ending.NEVER_RAN, IS_CANCELLED),
    (UNKNOWN, Ending.STILL_THERE, IS_UNKNOWN),
    (UNKNOWN, Ending.UNREACHABLE, IS_UNKNOWN),
    (NOT_STARTED, Ending.GONE, IS_CANCELLED),
    (NOT_STARTED, Ending.NEVER_RAN, IS_CANCELLED),
    (NOT_STARTED, Ending.STILL_THERE, IS_UNKNOWN),
    (NOT_STARTED, Ending.UNREACHABLE, IS_UNKNOWN),
)

STEP = Step("checkout", "Check out", Phase.CHANGE, ("web1",), Risk.CHANGES, 60, Health("https://example.com", 1))


@dataclass
class Host:
    """Runs a step until it is told to end it."""

    outcome: Outcome
    ending: Ending
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    told: asyncio.Event = field(default_factory=asyncio.Event)

    async def perform(self, job: Job, output: Output) -> Outcome:
        await output.begun()
        self.begun.set()
        await self.told.wait()
        return self.outcome

    async def resume(self, job: Job, output: Output) -> Outcome:
        raise AssertionError(job)

    async def check(self, job: Job) -> Effect:
        raise AssertionError(job)

    async def end(self, job: Job) -> Ending:
        self.told.set()
        return self.ending


@dataclass
class Records:
    """Takes what is recorded of a run, and keeps the events."""

    events: list[str] = field(default_factory=list)

    async def record(self, lease: RunLease, changes: tuple[Change, ...], entries: tuple[Entry, ...] = ()) -> None:
        self.events += [entry.event for entry in entries]


@pytest.mark.parametrize(
    ("outcome", "ending", "expected"),
    [
        pytest.param(outcome, ending, expected, id=f"{type(outcome).__name__}-{ending}")
        for outcome, ending, expected in TABLE
    ],
)
async def test_a_cancelled_step_ends_as_what_is_known_of_it(
    outcome: Outcome, ending: Ending, expected: tuple[StepState, Reason | None, int | None]
) -> None:
    host, records = Host(outcome, ending), Records()
    lease = RunLease("R-7K3F9Q", "bot", 1)
    execution = Execution(records, {Health: host}, Masker(()), {}, HeldClock(), lease, TARGET)
    row = StepRow(0, STEP.key, STEP.title, STEP.phase, STEP.risk, "web1", 1)
    run = Run("R-7K3F9Q", 1, REQUEST, RunState.RUNNING, 1, NOON, steps=(row,))
    performing = asyncio.create_task(execution.step(run, STEP))
    await host.begun.wait()
    assert await execution.end() == (ending,)
    [ended] = await performing
    reason = ended.problem.reason if ended.problem is not None else None
    assert (ended.state, reason, ended.exit_status) == expected
    assert records.events[-1] == f"step_{expected[0].value}"


def test_the_table_has_every_outcome_and_every_ending() -> None:
    assert {(type(outcome), ending) for outcome, ending, _ in TABLE} == {
        (outcome, ending) for outcome in (Done, Failed, Unknown, NotStarted) for ending in Ending
    }
    assert Outcome == Done | Failed | Unknown | NotStarted
