"""Locks and overviews: what the store promises, on SQLite and on MariaDB."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import create_engine, text

from bot.domain.history import first_break
from bot.domain.lock import Lock
from bot.domain.names import TargetName
from bot.domain.run import RunState
from bot.engine.ports import ChangeStarts, MoveTo, PlanIs
from bot.store import SqlStore, open_store
from tests.store.samples import AT, PLAN, claimed, made, running
from tests.store.test_opening import plain

TARGET = TargetName("compte", "production")
LOCK = Lock(TARGET, "U0AMELIE", "l'inventaire — 😀", AT)


async def test_a_lock_stands_until_it_is_taken_off(store: SqlStore) -> None:
    assert await store.lock_of(TARGET) is None
    assert await store.lock(LOCK) == LOCK
    assert await store.lock_of(TARGET) == LOCK
    assert await store.lock_of(TargetName("compte", "staging")) is None
    assert await store.unlock(TARGET, "U0BOB", AT) == LOCK
    assert await store.lock_of(TARGET) is None
    assert await store.unlock(TARGET, "U0BOB", AT) is None


async def test_the_first_of_many_locks_stays_and_all_are_told_of_it(store: SqlStore) -> None:
    wanted = [replace(LOCK, owner=f"U{number}") for number in range(20)]
    stands = await asyncio.gather(*(store.lock(lock) for lock in wanted))
    assert len(set(stands)) == 1
    assert await store.lock_of(TARGET) == stands[0]


async def test_one_of_many_takes_it_off(store: SqlStore) -> None:
    await store.lock(LOCK)
    gone = await asyncio.gather(*(store.unlock(TARGET, f"U{number}", AT) for number in range(20)))
    assert [lock for lock in gone if lock is not None] == [LOCK]


async def test_the_history_has_what_happened_once(store: SqlStore) -> None:
    await store.lock(LOCK)
    await store.lock(replace(LOCK, owner="U0BOB"))
    await store.unlock(TARGET, "U0BOB", AT)
    await store.unlock(TARGET, "U0BOB", AT)
    history = await store.history()
    told = [(record.entry.event, record.entry.actor, dict(record.entry.facts)) for record in history]
    target = str(TARGET)
    assert told == [
        ("locked", "U0AMELIE", {"target": target, "reason": LOCK.reason}),
        ("unlocked", "U0BOB", {"target": target, "owner": "U0AMELIE", "reason": LOCK.reason}),
    ]
    assert first_break(history) is None


async def ended(store: SqlStore, number: int, state: RunState, *, changed: bool = True) -> str:
    lease = await running(store, number)
    begun = (PlanIs(PLAN), ChangeStarts(AT)) if changed else ()
    last = (MoveTo(RunState.VERIFYING, AT), MoveTo(state, AT + timedelta(minutes=number)))
    return (await store.write(lease, (*begun, *last))).id


async def test_an_overview_has_what_goes_on_what_was_last_and_what_is_live(store: SqlStore) -> None:
    nothing, other = await store.overviews((TARGET, TargetName("other", "production")))
    assert (nothing.unfinished, nothing.last, nothing.release, nothing.lock) == ((), None, None, None)
    assert nothing.live == ""

    released = await ended(store, 1, RunState.SUCCEEDED)
    last = await ended(store, 2, RunState.FAILED, changed=False)
    going = await running(store, 3)
    waiting = await made(store, 4)
    elsewhere = await claimed(store, 5, "other")
    await store.lock(LOCK)
    here, other = await store.overviews((TARGET, TargetName("other", "production")))
    assert [run.id for run in here.unfinished] == [going.run, waiting.id]
    assert here.last is not None
    assert here.last.id == last
    assert here.release is not None
    assert here.release.id == released
    assert here.live == str(PLAN.sha)
    assert here.lock == LOCK
    assert [run.id for run in other.unfinished] == [elsewhere.run]
    assert (other.last, other.release, other.lock) == (None, None, None)


async def test_what_is_live_is_not_claimed_behind_a_failure(store: SqlStore) -> None:
    await ended(store, 1, RunState.SUCCEEDED)
    failed = await ended(store, 2, RunState.FAILED)
    [here] = await store.overviews((TARGET,))
    assert here.live == ""
    assert here.in_doubt is not None
    assert here.in_doubt.id == failed


async def test_a_store_from_before_locks_is_brought_up_with_what_it_holds(url: str) -> None:
    async with open_store(url) as store:
        run = await made(store)
    engine = create_engine(plain(url))
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE locks"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    engine.dispose()
    async with open_store(url) as store:
        assert await store.lock(LOCK) == LOCK
        assert await store.get(run.id) == run
