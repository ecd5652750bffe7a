"""Steps that a host was given together: the run stops, is cancelled and recovers as if each had been given alone."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.errors import Reason, problem
from bot.domain.runs.journal_layout import JOURNAL, STRETCH
from bot.domain.runs.run import ENDS, Run, RunState, StepState
from bot.engine.ports import Done, Ending, Failed, Job
from tests.engine.support.world import APPROVE, SmallWorld
from tests.support.polling import eventually

GIVEN = ("maintenance-on", "checkout", "config-cache")
"""Steps of the Laravel recipe that follow each other before the migration; others may lie between."""


async def in_the_middle(world: SmallWorld) -> tuple[str, asyncio.Event]:
    """Let a run stand in the second step of a stretch."""
    release = world.hosts.blocked["checkout"] = asyncio.Event()
    run = await world.submit()
    await world.until(run, RunState.AWAITING_APPROVAL)
    world.people.said["U0BOB"] = APPROVE

    async def begun() -> bool:
        world.engine.wake(run)
        return state_of(await world.run(run), "checkout") is StepState.RUNNING

    await eventually(begun, 10)
    return run, release


def state_of(run: Run, key: str) -> StepState:
    [row] = run.rows(key)
    return row.state


def states(run: Run) -> list[StepState]:
    return [state_of(run, key) for key in GIVEN]


async def test_each_step_is_shown_as_it_runs(world: SmallWorld) -> None:
    run, release = await in_the_middle(world)
    found = await world.run(run)
    assert states(found) == [StepState.DONE, StepState.RUNNING, StepState.PENDING]
    head = found.rows("maintenance-on")[0]
    assert {"checkout", "config-cache"} <= set(head.facts[STRETCH].split())
    assert head.facts[JOURNAL] == "3"
    assert head.results == {"backup": "B-1"}
    events = await world.events(run)
    assert events.count("step_started") - events.count("step_done") == 1
    release.set()
    assert (await world.until(run, *ENDS)).state is RunState.SUCCEEDED


async def test_cancelling_starts_none_of_those_that_wait(world: SmallWorld) -> None:
    run, _ = await in_the_middle(world)
    await world.engine.cancel(run, "U0AMELIE")
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.CANCELLED
    assert states(ended) == [StepState.DONE, StepState.FAILED, StepState.SKIPPED]
    assert state_of(ended, "maintenance-off") is StepState.DONE
    assert world.hosts.starts("config-cache") == 0
    assert "config-cache" in world.hosts.ended


async def test_a_failure_starts_none_of_those_that_wait(world: SmallWorld) -> None:
    world.hosts.script["checkout"] = Failed(problem(Reason.EXIT_STATUS), 3)
    run, release = await in_the_middle(world)
    release.set()
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.FAILED
    assert states(ended) == [StepState.DONE, StepState.FAILED, StepState.SKIPPED]
    assert state_of(ended, "maintenance-off") is StepState.DONE


async def died(world: SmallWorld, run: str, *ran: str) -> None:
    """Let the bot die, and the host go on meanwhile with steps that were given to it; then the run is cancelled."""
    await world.engine.drain()
    [row] = (await world.run(run)).rows("checkout")
    for key in ran:
        identity = (run, key, row.attempt, row.place)
        if identity not in world.hosts.journal:
            world.hosts.ledger.append((key, row.place, row.attempt))
        world.hosts.journal[identity] = Done()
    assert await world.store.runs.request_cancel(run, "U0AMELIE", world.clock.now())


async def test_what_ran_while_the_bot_was_dead_is_known_before_anything_is_undone(world: SmallWorld) -> None:
    run, _ = await in_the_middle(world)
    await died(world, run, "checkout", "config-cache")
    await world.new_engine().start()
    ended = await world.until(run, *ENDS)
    assert ended.state is RunState.CANCELLED
    assert states(ended) == [StepState.DONE, StepState.DONE, StepState.DONE]
    assert state_of(ended, "maintenance-off") is StepState.DONE
    assert world.hosts.starts("config-cache") == 1
    events = await world.events(run)
    assert events.count("step_started") == events.count("step_done")


async def test_a_failure_while_the_bot_was_dead_is_known_before_anything_is_undone(world: SmallWorld) -> None:
    run, _ = await in_the_middle(world)
    await died(world, run, "checkout", "config-cache")
    [row] = (await world.run(run)).rows("config-cache")
    world.hosts.journal[run, "config-cache", 1, row.place] = Failed(problem(Reason.EXIT_STATUS), 5)
    await world.new_engine().start()
    ended = await world.until(run, RunState.NEEDS_HUMAN, *ENDS)
    assert ended.state is RunState.CANCELLED
    assert states(ended) == [StepState.DONE, StepState.DONE, StepState.FAILED]
    assert state_of(ended, "maintenance-off") is StepState.DONE


@pytest.mark.parametrize("ending", [Ending.UNREACHABLE, Ending.STILL_THERE])
async def test_where_that_cannot_be_known_a_person_decides_and_nothing_is_undone(
    world: SmallWorld, monkeypatch: pytest.MonkeyPatch, ending: Ending
) -> None:
    run, _ = await in_the_middle(world)
    await died(world, run, "checkout")
    end = world.hosts.end

    async def no_answer(job: Job) -> Ending:
        return ending if job.step.key == "config-cache" else await end(job)

    monkeypatch.setattr(world.hosts, "end", no_answer)
    await world.new_engine().start()
    ended = await world.until(run, RunState.NEEDS_HUMAN, *ENDS)
    assert ended.state is RunState.NEEDS_HUMAN
    assert states(ended) == [StepState.DONE, StepState.DONE, StepState.UNKNOWN]
    assert world.hosts.starts("maintenance-off") == 0
