"""A run that has ended leaves nothing in the process that drove it."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter

from bot.domain.runs.run import ENDS, Run
from bot.engine.phases.execution import Execution
from bot.engine.phases.transcript import Transcript
from bot.engine.run_driver import RunDriver
from bot.engine.run_session import RunSession
from bot.store.sql.group_commit import GroupCommit
from tests.engine.support.world import APPROVE, SmallWorld
from tests.support.polling import eventually

OF_A_RUN = (RunDriver, RunSession, Execution, Transcript, Run)


def left() -> Counter[str]:
    """Count what belongs to one run, and the tasks."""
    gc.collect()
    found = Counter(type(each).__name__ for each in gc.get_objects() if type(each) in OF_A_RUN)
    return found + Counter(tasks=len(asyncio.all_tasks()))


async def test_ended_runs_leave_no_object_no_task_and_no_entry(world: SmallWorld) -> None:
    supervisor = world.engine.supervisor
    await world.engine.start()
    world.people.said["U0BOB"] = APPROVE
    seen: list[Counter[str]] = []
    for number in range(2):
        run = await world.submit(f"Ev{number}")
        await world.until(run, *ENDS)
        await eventually(lambda: not supervisor.driven, 10)
        await supervisor.sweep()
        seen.append(left())
    assert seen[-1] == seen[0], "another run"
    assert all(count == 0 for name, count in seen[-1].items() if name in {"RunDriver", "RunSession", "Execution"})
    assert supervisor._lease_keeper.held == frozenset()
    assert (supervisor._failures, supervisor._aftermath.looks, supervisor._late_approvals._times) == ({}, (), {})
    recording: GroupCommit[object, None] = world.store.runs._recording  # type: ignore[assignment]
    assert (len(recording._waiting), recording._worker) == (0, None)
