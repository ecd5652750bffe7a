"""Several processes on one server: each event is handled by one of them, and each duty is one's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest
from sqlalchemy import create_engine, text

from bot.store import SqlStore, open_store
from bot.store.leader_lease import LeaderLease
from tests.store.support.samples import event

pytestmark = pytest.mark.xdist_group("mariadb")


@pytest.fixture
async def two(mariadb_url: str) -> AsyncIterator[tuple[SqlStore, SqlStore]]:
    async with open_store(mariadb_url) as one, open_store(mariadb_url) as other:
        yield one, other


def lapse(url: str) -> None:
    """Let every lease run out."""
    engine = create_engine(url.replace("+aiomysql", "+pymysql"))
    with engine.begin() as connection:
        for table in ("inbox", "duties"):
            connection.execute(text(f"UPDATE {table} SET lease_until = 1"))
    engine.dispose()


async def ids(store: SqlStore) -> set[str]:
    return {found.id for found in await store.inbox.waiting(100)}


async def test_who_records_an_event_handles_it(two: tuple[SqlStore, SqlStore]) -> None:
    one, other = two
    assert await one.inbox.receive(event(1))
    assert not await other.inbox.receive(event(1))
    assert await other.inbox.receive(event(2))
    assert (await ids(one), await ids(other)) == ({"Ev1"}, {"Ev2"})


async def test_events_of_a_process_that_is_gone_go_to_one_other(
    two: tuple[SqlStore, SqlStore], mariadb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    monkeypatch.setattr(one.inbox, "renew", partial(asyncio.sleep, 0))  # it is gone
    for number in range(30):
        await one.inbox.receive(event(number))
    assert await ids(other) == set()
    lapse(mariadb_url)
    async with open_store(mariadb_url) as third:
        taken = await asyncio.gather(*(ids(each) for each in (other, third, other, third)))
        shares = taken[0] | taken[2], taken[1] | taken[3]
        assert shares[0] & shares[1] == set()
        assert shares[0] | shares[1] == {event(number).id for number in range(30)}


async def test_a_process_that_ends_leaves_its_events_to_others_at_once(mariadb_url: str) -> None:
    async with open_store(mariadb_url) as other:
        async with open_store(mariadb_url) as one:
            await one.inbox.receive(event(1))
            assert await ids(other) == set()
        assert await ids(other) == {"Ev1"}
        await other.inbox.settle("Ev1")
        assert await ids(other) == set()


async def test_an_event_that_is_long_in_handling_stays_its_own(
    two: tuple[SqlStore, SqlStore], mariadb_url: str
) -> None:
    one, other = two
    await one.inbox.receive(event(1))
    lapse(mariadb_url)
    await one.inbox.renew()
    assert _lease_ahead(mariadb_url)
    assert await ids(other) == set()


def _lease_ahead(url: str) -> bool:
    engine = create_engine(url.replace("+aiomysql", "+pymysql"))
    with engine.begin() as connection:
        until = connection.execute(text("SELECT lease_until FROM inbox")).scalar_one()
    engine.dispose()
    return int(until) > 1


async def test_a_duty_is_one_process_s(two: tuple[SqlStore, SqlStore], mariadb_url: str) -> None:
    one, other = two
    assert sorted(await asyncio.gather(one.leader_leases.acquire("d"), other.leader_leases.acquire("d"))) == [
        False,
        True,
    ]
    holder, rival = (one, other) if await one.leader_leases.acquire("d") else (other, one)
    assert await holder.leader_leases.advance("d", 7)
    assert not await rival.leader_leases.advance("d", 9)
    lapse(mariadb_url)
    assert await rival.leader_leases.acquire("d")
    assert await rival.leader_leases.position("d") == 7
    assert not await holder.leader_leases.advance("d", 8)
    assert not await holder.leader_leases.acquire("d")


async def test_a_duty_goes_on_when_its_process_ends(mariadb_url: str) -> None:
    async with open_store(mariadb_url) as other:
        async with open_store(mariadb_url) as one, LeaderLease(one, "d") as mine:
            assert mine.held
            async with LeaderLease(other, "d") as theirs:
                assert not theirs.held
        assert not mine.held
        async with LeaderLease(other, "d") as theirs:
            assert theirs.held


async def test_a_process_alone_has_every_duty(sqlite_url: str) -> None:
    for _ in range(2):
        async with open_store(sqlite_url) as store:
            duty = LeaderLease(store, "d")
            async with duty:
                assert duty.held
                await duty.advance(await duty.position() + 1)
    async with open_store(sqlite_url) as store:
        assert await store.leader_leases.position("d") == 2


async def test_a_process_knows_whether_others_live(mariadb_url: str) -> None:
    async with open_store(mariadb_url) as one:
        assert not one.others_live
        async with open_store(mariadb_url) as other:
            await one.renew()
            assert (one.others_live, other.others_live) == (True, True)
        await one.renew()
        assert not one.others_live, "the other one has ended"
    async with open_store(mariadb_url) as one, open_store(mariadb_url):
        lapse(mariadb_url)
        await one.renew()
        assert not one.others_live, "the other one's lease has run out"
