"""A store that does not answer is not the fault of the runs that it keeps from going on."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.errors import OutageError
from bot.domain.runs.run import RunState
from bot.engine import supervisor
from tests.engine.support.world import Faulty, SmallWorld
from tests.support.polling import eventually


@pytest.mark.parametrize("where", ["before claim", "before admit"])
async def test_a_run_that_meets_an_outage_again_and_again_goes_on_after_it(world: SmallWorld, where: str) -> None:
    met = 0

    def plan(point: str) -> None:
        nonlocal met
        if point == where and met <= supervisor._MAX_FAILURES + 1:
            met += 1
            raise OutageError

    world.new_engine(Faulty(world.store, plan))
    run = await world.submit()

    async def opened() -> bool:
        await world.engine.supervisor.sweep()
        await asyncio.sleep(0)
        found = await world.run(run)
        assert found.state not in {RunState.FAILED, RunState.NEEDS_HUMAN}
        return found.state is RunState.AWAITING_APPROVAL

    await eventually(opened, 20)
    assert met == supervisor._MAX_FAILURES + 2
