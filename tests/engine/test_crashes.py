"""The process dies before and after each write and each start; another one picks the run up. Nothing runs twice."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from bot.domain.runs.history import first_break
from bot.domain.runs.run import ENDS, Run, RunState, StepState
from bot.domain.targets.target import Target
from tests.engine.support.world import APPROVE, Crash, Faulty, Hosts, People, SmallWorld, small_world
from tests.support.examples import TARGET
from tests.support.polling import eventually

DONE = (*ENDS, RunState.NEEDS_HUMAN)
RECIPE = Path(__file__).parent / "support" / "small.yaml"


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Deaths are meant here; writing their tracebacks would take most of the time."""
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.KeyValueRenderer()], logger_factory=structlog.ReturnLoggerFactory()
    )
    yield
    structlog.configure(**before)


class Deaths:
    """Dies at the given points, counted over all lives of the process.

    Args:
        points: numbers of the points at which it dies.
    """

    def __init__(self, *points: int) -> None:
        self.points = set(points)
        self.passed = 0
        self.names: list[str] = []
        self.died = asyncio.Event()

    def __call__(self, name: str) -> None:
        if self.died.is_set():
            raise Crash(name)  # a dead process does nothing more
        self.passed += 1
        self.names.append(name)
        if self.passed in self.points:
            self.died.set()
            raise Crash(name)


async def live(
    folder: Path, deaths: Deaths, target: Target = TARGET, recipe: Path = RECIPE, hosts: Hosts | None = None
) -> tuple[SmallWorld, Run]:
    """Play a deploy to its end, in as many lives as it takes; what happens outside outlives each of them."""
    hosts, people = hosts or Hosts(), People(said={"U0BOB": APPROVE})
    while True:
        deaths.died.clear()
        async with small_world(folder, target, recipe=str(recipe)) as world:
            world.hosts, world.people = hosts, people
            hosts.at_start = lambda key: deaths(f"start {key}")
            engine = world.new_engine(Faulty(world.store, deaths))
            try:
                await engine.start()
                run = await world.submit()
                await eventually(lambda world=world, run=run: _over(world, deaths, run), 20)
            except Crash:
                continue
            finally:
                await engine.drain()
            if not deaths.died.is_set():
                ended = await world.run(run)
                assert first_break(await world.store.history.all()) is None
                assert len(await world.store.runs.recent(10)) == 1
                return world, ended


async def _over(world: SmallWorld, deaths: Deaths, run: str) -> bool:
    world.engine.wake(run)
    return deaths.died.is_set() or (await world.run(run)).state in DONE


async def points_of_a_deploy(folder: Path) -> int:
    deaths = Deaths()
    judge(*await live(folder, deaths))
    return deaths.passed


def judge(world: SmallWorld, ended: Run) -> None:
    assert ended.state is RunState.SUCCEEDED, ended.problem
    starts = Counter((key, place) for key, place, _ in world.hosts.ledger)
    assert set(starts.values()) == {1}, starts
    assert {row.state for row in ended.steps} == {StepState.DONE}
    assert {(row.key, row.place) for row in ended.steps} == set(starts)


SLICES = 4


@pytest.mark.parametrize("part", range(SLICES))
async def test_it_may_die_at_any_point(tmp_path: Path, part: int) -> None:
    total = await points_of_a_deploy(tmp_path / "whole")
    for point in range(1 + part, total + 1, SLICES):
        judge(*await live(tmp_path / str(point), Deaths(point)))


@pytest.mark.parametrize("distance", [1, 2, 4])
async def test_it_may_die_again_while_it_recovers(tmp_path: Path, distance: int) -> None:
    total = await points_of_a_deploy(tmp_path / "whole")
    for point in range(distance, total, 12):
        judge(*await live(tmp_path / str(point), Deaths(point, point + distance, point + 3 * distance)))
