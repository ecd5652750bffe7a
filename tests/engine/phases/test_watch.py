"""Watching after a deploy: what is told when, over restarts, and that nothing is ever done about it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.plan import Plan
from bot.domain.runs.run import ENDS, Run, RunState
from bot.domain.runs.watching import Sighting, Watched, Watching, WatchState
from bot.domain.targets.target import Target
from bot.domain.targets.watch import Watch
from bot.engine.engine import Engine
from bot.engine.phases import watch as watch_module
from bot.engine.ports import Failed
from tests.engine.support.world import APPROVE, REJECT, SmallWorld, small_world
from tests.support.examples import TARGET
from tests.support.polling import eventually

WATCH = Watch(timedelta(minutes=10), log_errors=5, health="https://compte.example.com/up")
FINE = (Sighting(Watched.LOG, crossed=False), Sighting(Watched.HEALTH, crossed=False))
DOWN = Sighting(Watched.HEALTH, crossed=True, detail="502, correct horse")


@dataclass
class Eyes:
    """What is seen, and how often somebody looked."""

    sees: tuple[Sighting, ...] = FINE
    refuses: bool = False
    looks: int = 0
    plans: list[Plan | None] = field(default_factory=list)

    async def read(self, target: Target, watch: Watch, run: Run, plan: Plan | None) -> tuple[Sighting, ...]:
        self.looks += 1
        self.plans.append(plan)
        if self.refuses:
            raise RefusedError(problem(Reason.HOST_UNREACHABLE, host="web1"))
        return self.sees


@pytest.fixture
def eyes() -> Eyes:
    return Eyes()


@pytest.fixture
async def world(tmp_path: Path, eyes: Eyes, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SmallWorld]:
    monkeypatch.setattr(watch_module, "_INTERVAL", 0.0)
    async with small_world(tmp_path, replace(TARGET, watch=WATCH)) as made:
        made.watch_reader = eyes
        made.new_engine()
        yield made


async def deployed(world: SmallWorld, event: str = "Ev1") -> Run:
    world.people.said["U0BOB"] = APPROVE
    run = await world.submit(event)
    return await world.until(run, *ENDS)


async def watching(world: SmallWorld, run: str, state: WatchState) -> Watching:
    async def there() -> Watching | None:
        await world.engine.supervisor.sweep()
        found = (await world.run(run)).watching
        return found if found is not None and found.state is state else None

    return await eventually(there, 15)


async def looked(world: SmallWorld, eyes: Eyes, times: int = 1) -> None:
    """Wait until somebody has looked again, and noted it."""
    for _ in range(times):
        before = eyes.looks
        while eyes.looks == before:
            await world.engine.supervisor.sweep()
            await asyncio.gather(*world.engine.supervisor._watches.looks._tasks)


async def test_a_deploy_that_went_through_is_watched_and_that_ends_by_itself(world: SmallWorld, eyes: Eyes) -> None:
    run = await deployed(world)
    assert run.state is RunState.SUCCEEDED
    assert run.watching == Watching(world.clock.now() + timedelta(minutes=10))
    await looked(world, eyes, 2)
    assert (await world.run(run.id)).watching == run.watching
    revision = (await world.run(run.id)).revision
    await looked(world, eyes)
    assert (await world.run(run.id)).revision == revision, "a look that finds nothing new writes nothing"
    world.clock.pass_by(minutes=10)
    over = await watching(world, run.id, WatchState.OVER)
    assert not over.had_a_gap
    assert await world.store.runs.watched() == ()
    assert (await world.run(run.id)).state is RunState.SUCCEEDED
    assert "watch_ended" in await world.events(run.id)


async def test_what_crosses_the_line_ends_it_and_nothing_is_done(world: SmallWorld, eyes: Eyes) -> None:
    run = await deployed(world)
    starts = len(world.hosts.ledger)
    eyes.sees = (FINE[0], DOWN)
    crossed = await watching(world, run.id, WatchState.CROSSED)
    assert [one.what for one in crossed.crossed] == [Watched.HEALTH]
    assert "correct horse" not in crossed.crossed[0].detail
    assert len(world.hosts.ledger) == starts
    assert (await world.run(run.id)).state is RunState.SUCCEEDED
    assert [run.id for run in await world.store.runs.recent(10)] == [run.id]


async def test_what_cannot_be_read_is_noted_once_and_is_not_healthy(world: SmallWorld, eyes: Eyes) -> None:
    run = await deployed(world)
    eyes.sees = (Sighting(Watched.LOG, None, "Permission denied"), FINE[1])
    await looked(world, eyes, 2)
    eyes.sees = (Sighting(Watched.LOG, None, "something else"), FINE[1])
    await looked(world, eyes, 2)
    found = (await world.run(run.id)).watching
    assert found is not None
    assert found.state is WatchState.WATCHING
    assert [one.detail for one in found.unread] == ["Permission denied"]
    eyes.refuses = True
    await looked(world, eyes, 2)
    world.clock.pass_by(minutes=10)
    assert (await watching(world, run.id, WatchState.OVER)).unread == found.unread


async def test_a_restarted_bot_goes_on_watching(world: SmallWorld, eyes: Eyes) -> None:
    run = await deployed(world)
    await world.engine.drain()
    world.clock.pass_by(minutes=3)
    eyes.sees = (DOWN,)
    restarted: Engine = world.new_engine()
    await restarted.start()
    await watching(world, run.id, WatchState.CROSSED)


async def test_a_bot_that_was_down_when_it_was_over_looks_once_and_says_so(world: SmallWorld, eyes: Eyes) -> None:
    run = await deployed(world)
    await world.engine.drain()
    world.clock.pass_by(hours=2)
    looks = eyes.looks
    await world.new_engine().start()
    over = await watching(world, run.id, WatchState.OVER)
    assert over.had_a_gap
    assert eyes.looks == looks + 1


async def test_another_change_of_the_target_ends_it(world: SmallWorld, eyes: Eyes) -> None:
    run = await deployed(world)
    world.clock.pass_by(seconds=5)
    other = await deployed(world, "Ev2")
    ended = await watching(world, run.id, WatchState.SUPERSEDED)
    assert ended.successor == other.id


async def test_a_target_that_is_not_watched_any_more_is_left_alone(world: SmallWorld, eyes: Eyes) -> None:
    run = await deployed(world)
    await world.engine.drain()
    world.target = replace(world.target, watch=None)
    looks = eyes.looks
    await world.new_engine().start()
    await watching(world, run.id, WatchState.OVER)
    assert eyes.looks == looks


@pytest.mark.parametrize("ends", ["rejected", "failed"])
async def test_only_what_went_through_is_watched(world: SmallWorld, ends: str) -> None:
    if ends == "failed":
        world.hosts.script["checkout"] = Failed(problem(Reason.EXIT_STATUS), 1)
        run = await deployed(world)
    else:
        world.people.said["U0BOB"] = REJECT
        run = await world.until(await world.submit(), *ENDS)
    assert run.state.value == ends
    assert run.watching is None
