"""What drivers record at the same time shares a commit, and each stands for itself all the same."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from bot.domain.runs.run import RunState, StepRow, StepState
from bot.engine.run_changes import FactsAre, LeaseLostError, MoveTo, Printed, RunLease, StepIs, StepsAdded, StepsAre
from bot.store import SqlStore, open_store
from bot.store.history.verify import first_broken
from tests.store.support.counting import counted
from tests.store.support.samples import AT, HOUR, chunk, entry, made, running, step

HOSTS = tuple(f"web{number}" for number in range(1, 51))


def rows(state: StepState = StepState.PENDING, key: str = "migrate") -> tuple[StepRow, ...]:
    return tuple(step(key, place, state=state) for place in HOSTS)


async def start_everywhere(store: SqlStore, lease: RunLease) -> None:
    """Record an intent, its confirmation and its end at each host, as the engine does for a step."""

    async def at(row: StepRow) -> None:
        recorded = {"step": row.key, "place": row.place}
        row = replace(row, state=StepState.RUNNING, started_at=AT)
        await store.runs.record(lease, (StepIs(row),), (entry(lease.run, "step_started", **recorded),))
        row = replace(row, begun=True)
        await store.runs.record(lease, (StepIs(row),))
        row = replace(row, state=StepState.DONE, ended_at=AT, exit_status=0)
        printed = Printed(chunk(place=row.place))
        await store.runs.record(lease, (printed, StepIs(row)), (entry(lease.run, "step_done", **recorded),))

    await asyncio.gather(*(at(row) for row in rows()))


async def test_a_step_on_fifty_hosts_costs_a_few_commits(store: SqlStore) -> None:
    lease = await running(store)
    before = await store.runs.write(lease, (StepsAdded(rows()),))
    with counted(store) as counts:
        await start_everywhere(store, lease)
    # Three times the guard, the runs' targets, the rows and three statements of history, and once the output; besides
    # BEGIN or, on a server, the commit's marker.
    assert counts["commit"] <= 6, counts
    assert counts["statement"] <= 50, counts
    run = await store.runs.get(lease.run)
    assert run is not None
    assert run.revision == before.revision + 3 * len(HOSTS), "each record counts"
    assert {(row.state, row.begun, row.exit_status) for row in run.steps} == {(StepState.DONE, True, 0)}
    assert [row.place for row in run.steps] == list(HOSTS)
    assert len(await store.runs.output(lease.run)) == len(HOSTS)
    told = Counter((r.entry.event, r.entry.facts.get("place")) for r in await store.history.of_run(lease.run))
    assert told == {("requested", None): 1} | {(event, p): 1 for event in ("step_started", "step_done") for p in HOSTS}
    assert await first_broken(store.history) is None


async def test_rows_of_several_steps_are_one_change(store: SqlStore) -> None:
    lease = await running(store)
    keys = ("on", "checkout", "off")
    planned = tuple(step(key, place, position) for position, key in enumerate(keys) for place in HOSTS[:3])
    before = await store.runs.write(lease, (StepsAdded(planned),))
    began = tuple(replace(row, state=StepState.RUNNING, started_at=AT) for row in planned)
    with counted(store) as counts:
        await store.runs.record(lease, (StepsAre(began),), tuple(entry(lease.run, "step_started") for _ in began))
    assert counts["commit"] == 1
    assert counts["statement"] <= 8, counts
    run = await store.runs.get(lease.run)
    assert run is not None
    assert (run.steps, run.revision) == (began, before.revision + 1)


async def test_what_one_of_many_fails_with_is_its_own(store: SqlStore) -> None:
    good, illegal = await running(store, 1, "one"), await running(store, 2, "two")
    await made(store, 3, "three")
    old = await store.leases.claim("R-000003", "gone", -HOUR)
    new = await store.leases.claim("R-000003", "new", HOUR)
    assert old is not None
    assert new is not None
    answers = await asyncio.gather(
        store.runs.record(good, (StepIs(step("a")),), (entry(good.run, "a"),)),
        store.runs.record(old, (StepIs(step("lost")),), (entry(old.run, "lost"),)),
        store.runs.record(
            illegal, (FactsAre({"a": "b"}), MoveTo(RunState.PLANNING, AT)), (entry(illegal.run, "lost"),)
        ),
        store.runs.record(new, (StepIs(step("b")),), (entry(new.run, "b"),)),
        store.runs.record(good, (StepIs(step("c", position=1)),), (entry(good.run, "c"),)),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [type(None), LeaseLostError, ValueError, type(None), type(None)]
    found = {lease.run: await store.runs.get(lease.run) for lease in (good, illegal, new)}
    assert [[row.key for row in run.steps] for run in found.values() if run is not None] == [["a", "c"], [], ["b"]]
    told = [r.entry.event for r in await store.history.all()]
    assert sorted(told) == ["a", "b", "c", "requested", "requested", "requested"]
    assert await first_broken(store.history) is None


async def test_what_was_recorded_is_there_when_it_returns_also_when_it_is_cancelled(url: str) -> None:
    async with open_store(url) as store:
        lease = await running(store)
        tasks = []
        for number in range(30):
            recording = store.runs.record(lease, (StepIs(step(f"s{number}", position=number)),))
            tasks.append(asyncio.create_task(recording))
            for _ in range(number % 7):
                await asyncio.sleep(0)
            if number % 3 == 0:
                tasks[-1].cancel()
        last = asyncio.create_task(store.runs.record(lease, (), (entry(lease.run, "last"),)))
        await asyncio.sleep(0)
        begun = [number for number, task in enumerate(tasks) if number % 3 or number % 7]
    await asyncio.gather(*tasks, last, return_exceptions=True)
    async with open_store(url) as store:
        run = await store.runs.get(lease.run)
        assert run is not None
        there = {row.key for row in run.steps}
        assert there >= {f"s{number}" for number in begun}
        assert (await store.history.all())[-1].entry.event == "last"


@pytest.mark.parametrize("first", [True, False])
async def test_of_two_states_of_a_row_the_later_one_stands(store: SqlStore, first: bool) -> None:
    lease = await running(store)
    if not first:
        await store.runs.write(lease, (StepsAdded((step(),)),))
    states = [replace(step(), begun=True), replace(step(), begun=True, offset=7), replace(step(), state=StepState.DONE)]
    await asyncio.gather(*(store.runs.record(lease, (StepIs(row),)) for row in states))
    run = await store.runs.get(lease.run)
    assert run is not None
    assert run.steps == (states[-1],)
