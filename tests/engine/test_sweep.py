"""What the sweep and the renewal of leases find, and how little they ask the store for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.runs.run import Run, RunState
from bot.domain.targets.target import Emoji
from bot.engine.lease_keeper import LeaseKeeper
from bot.engine.ports import Occasion
from tests.engine.phases.test_gate import opened, waiting_again
from tests.engine.support.world import APPROVE, SmallWorld
from tests.store.support.counting import counted
from tests.store.support.samples import claimed
from tests.support.polling import eventually


async def test_a_sweep_reads_no_run_and_wakes_no_driver_while_nothing_happens(
    world: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await opened(world)
    await waiting_again(world, run)
    await world.engine.supervisor.sweep()
    await waiting_again(world, run)
    read: list[str] = []

    async def get(name: str) -> Any:
        read.append(name)
        raise AssertionError

    asked = world.people.asked
    with monkeypatch.context() as patch, counted(world.store) as counts:
        patch.setattr(world.store.runs, "get", get)
        for _ in range(5):
            await world.engine.supervisor.sweep()
    assert not world.engine.supervisor._driving[run].driver.wake.is_set()
    assert (read, world.people.asked) == ([], asked)
    # Three questions a sweep, each in a transaction: what is unfinished, to be cancelled, to be approved late. The rest
    # is for leases that are renewed meanwhile; a run that is read would be four statements a sweep more.
    assert counts["statement"] <= 5 * 3 * 2 + 10, counts


async def test_a_sweep_reads_a_run_that_stopped_only_when_it_has_changed(
    world: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await opened(world)
    await world.engine.drain()
    supervisor = world.new_engine().supervisor
    lease = await world.store.leases.claim(run, "one", timedelta(hours=1))
    assert lease is not None
    read: list[str] = []
    real = world.store.runs.get

    async def get(name: str) -> Run | None:
        read.append(name)
        return await real(name)

    monkeypatch.setattr(world.store.runs, "get", get)
    stopped = [each for each in await world.store.runs.unfinished() if each.run == run]
    for _ in range(3):  # it is no run in `needs_human`, so there is nothing to look for
        await supervisor._aftermath.look(tuple(stopped))
    assert read == [run]
    await world.store.runs.touch(run)
    await supervisor._aftermath.look(await world.store.runs.unfinished())
    assert read == [run, run]


async def test_a_reaction_noted_while_the_votes_are_written_is_found_by_the_next_sweep(world: SmallWorld) -> None:
    run = await opened(world)
    await waiting_again(world, run)
    real, reacted = world.people.reactions, asyncio.Event()

    async def then_somebody_else_reacts(of: Run, occasion: Occasion) -> Mapping[str, frozenset[Emoji]]:
        found = await real(of, occasion)
        if found and not reacted.is_set():
            reacted.set()
            world.people.said["U0BOB"] = APPROVE
            await world.store.runs.touch(run)  # by the replica that Slack gave the event
        return found

    world.people.reactions = then_somebody_else_reacts  # type: ignore[method-assign]
    world.people.said["U0AMELIE"] = APPROVE  # who asked does not count, and is written down
    world.engine.wake(run)
    await eventually(reacted.is_set, 10)

    async def written() -> bool:
        return bool((await world.run(run)).votes)

    await eventually(written, 10)
    await world.engine.supervisor.sweep()

    async def passed() -> bool:
        return (await world.run(run)).state is not RunState.AWAITING_APPROVAL

    await eventually(passed, 15, what="the reaction is read before the next poll")


async def test_all_leases_are_renewed_by_one_statement_and_who_lost_one_is_stopped(world: SmallWorld) -> None:
    leases = [await claimed(world.store, number, f"app{number}") for number in range(1, 21)]
    keeper = LeaseKeeper(world.store.leases)
    driving = {lease: asyncio.create_task(asyncio.sleep(60)) for lease in leases}
    for lease, task in driving.items():
        keeper.hold(lease, task)
    with counted(world.store) as counts:
        await keeper.renew()
    assert counts["statement"] <= 2, counts
    await world.store.leases.release(leases[3])
    taken = await world.store.leases.claim(leases[3].run, "another", timedelta(hours=1))
    assert taken is not None
    await keeper.renew()
    with suppress(asyncio.CancelledError):
        await asyncio.wait_for(driving[leases[3]], 5)
    assert [lease for lease, task in driving.items() if task.cancelled()] == [leases[3]]
    assert keeper.held == frozenset(leases) - {leases[3]}
    for lease, task in driving.items():
        keeper.let_go(lease)
        task.cancel()
    assert keeper.held == frozenset()
    await keeper.aclose()
    await asyncio.gather(*driving.values(), return_exceptions=True)
