import asyncio
import os
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.runs.approval import GateState
from bot.domain.runs.run import RunState, StepState
from bot.engine.run_changes import FactsAre, GateIs, LeaseLostError, MoveTo, Printed, RunLease, StepIs, TailIs
from bot.store import SqlStore, open_store
from tests.store.support.samples import AT, GATE, HOUR, chunk, claimed, entry, made, running, step

ROOT = Path(__file__).parents[3]
EXPIRED = timedelta(seconds=-1)


async def overtaken(store: SqlStore) -> tuple[RunLease, RunLease]:
    run = await made(store)
    old = await store.leases.claim(run.id, "one", EXPIRED)
    new = await store.leases.claim(run.id, "two", HOUR)
    assert old is not None
    assert new is not None
    return old, new


async def test_one_of_many_claimers_wins(store: SqlStore) -> None:
    run = await made(store)
    leases = await asyncio.gather(*(store.leases.claim(run.id, f"owner {number}", HOUR) for number in range(50)))
    assert sum(lease is not None for lease in leases) == 1


async def test_a_claim_needs_a_run(store: SqlStore) -> None:
    assert await store.leases.claim("R-999999", "one", HOUR) is None


async def test_a_lease_that_ran_out_is_taken_over_with_a_higher_token(store: SqlStore) -> None:
    old, new = await overtaken(store)
    assert new.token > old.token
    assert await store.leases.claim(old.run, "three", HOUR) is None


async def test_a_lease_given_back_is_free_with_a_higher_token(store: SqlStore) -> None:
    old = await claimed(store)
    await store.leases.release(old)
    with pytest.raises(LeaseLostError):
        await store.runs.write(old, (FactsAre({"a": "b"}),))
    new = await store.leases.claim(old.run, "two", HOUR)
    assert new is not None
    assert new.token > old.token
    await store.leases.release(old)
    assert await store.leases.renew((new,), HOUR) == frozenset()


async def test_who_was_overtaken_writes_nothing(store: SqlStore) -> None:
    old, new = await overtaken(store)
    before = await store.runs.get(old.run)
    attempts = (
        lambda: store.runs.write(old, (MoveTo(RunState.CANCELLED, AT),), (entry(event="lie"),)),
        lambda: store.runs.write(old, (StepIs(step(state=StepState.DONE)),)),
        lambda: store.runs.write(old, (), (entry(event="lie"),)),
        lambda: store.runs.write(old, (Printed(chunk()),)),
        lambda: store.runs.write(old, (TailIs(chunk()),)),
        lambda: store.leases.admit(old, AT),
    )
    for attempt in attempts:
        with pytest.raises(LeaseLostError):
            await attempt()
    await store.leases.release(old)
    assert await store.runs.get(old.run) == before
    assert await store.runs.output(old.run) == ()
    assert [record.entry.event for record in await store.history.all()] == ["requested"]
    assert await store.leases.renew((old, new), HOUR) == {old}


async def test_a_renewed_lease_holds(store: SqlStore) -> None:
    run = await made(store)
    lease = await store.leases.claim(run.id, "one", EXPIRED)
    assert lease is not None
    assert await store.leases.renew((lease,), HOUR) == frozenset()
    assert await store.leases.claim(run.id, "two", HOUR) is None


async def test_claims_of_a_dead_process_are_free_when_its_sqlite_store_is_opened_again(sqlite_url: str) -> None:
    async with open_store(sqlite_url) as store:
        old = await claimed(store)
    async with open_store(sqlite_url) as store:
        new = await store.leases.claim(old.run, "two", HOUR)
        assert new is not None
        assert new.token > old.token


CLAIMER = """
import asyncio, sys
from datetime import timedelta
from bot.store import open_store

async def main(url, owner):
    async with open_store(url) as store:
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(1, 31):
            if await store.leases.claim(f"R-{number:06}", owner, timedelta(hours=1)):
                print(number, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.xdist_group("mariadb")
async def test_processes_that_share_a_server_win_each_run_once(mariadb_url: str) -> None:
    async with open_store(mariadb_url) as store:
        for number in range(1, 31):
            await made(store, number)
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                CLAIMER,
                mariadb_url,
                f"process {number}",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=ROOT,
                env=dict(os.environ, PYTHONPATH=str(ROOT)),
            )
            for number in range(3)
        ]
        for process in processes:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        answers = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
        won = [int(line) for out, _ in answers for line in out.split()]
        assert sorted(won) == list(range(1, 31))


async def test_an_earlier_claim_of_the_same_owner_writes_nothing(store: SqlStore) -> None:
    """Two tasks of one process have one name; only the token tells them apart."""
    run = await made(store)
    old = await store.leases.claim(run.id, "one", HOUR)
    assert old is not None
    await store.leases.release(old)
    new = await store.leases.claim(run.id, "one", HOUR)
    assert new is not None
    with pytest.raises(LeaseLostError):
        await store.runs.write(old, (FactsAre({"by": "the old claim"}),))
    assert await store.leases.renew((old,), HOUR) == {old}
    await store.runs.write(new, (FactsAre({"by": "the new claim"}),))


async def test_who_had_to_wait_for_another_run_is_remembered(store: SqlStore) -> None:
    first, second = await claimed(store, 1), await claimed(store, 2)
    assert await store.leases.admit(first, AT)
    assert not await store.leases.admit(second, AT)
    waited = [run.waited for run in await store.runs.recent(2)]
    assert waited == [True, False]


async def test_what_is_owed_is_known_until_it_is_settled(store: SqlStore) -> None:
    lease = await running(store)
    owed = replace(GATE, afterwards=True, reminded_at=AT)
    found = await store.runs.write(lease, (GateIs(owed),))
    assert found.gate == owed
    assert await store.runs.awaiting_late_approval() == (lease.run,)
    [here] = await store.overviews.of_targets((found.request.target,))
    assert [run.id for run in here.owed] == [lease.run]
    await store.runs.write(lease, (GateIs(replace(owed, state=GateState.APPROVED)),))
    assert await store.runs.awaiting_late_approval() == ()
