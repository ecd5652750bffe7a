import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import create_engine, text

from bot.domain.runs.history import first_break
from bot.store import SqlStore, open_readonly, open_store
from bot.store.history.verify import first_broken
from tests.store.support.samples import AT, entry, made, running


async def test_records_are_chained_in_order(store: SqlStore) -> None:
    lease = await running(store)
    await store.runs.write(lease, (), (entry(event="a", x="é", b="2"), entry(event="b")))
    await store.history.append((entry(run="", event="started"),), AT)
    records = await store.history.all()
    assert [record.sequence for record in records] == [1, 2, 3, 4]
    assert [record.entry.event for record in records] == ["requested", "a", "b", "started"]
    assert records[1].entry == entry(event="a", x="é", b="2")
    assert records[3].at == "2025-11-16T07:40:03.123456Z"
    assert first_break(records) is None
    assert await first_broken(store.history) is None


async def test_the_history_of_one_run(store: SqlStore) -> None:
    await made(store, 1)
    await made(store, 2)
    assert [record.entry.run for record in await store.history.of_run("R-000002")] == ["R-000002"]
    assert await store.history.of_run("R-999999") == ()


async def test_an_empty_history_holds(store: SqlStore) -> None:
    assert await store.history.all() == ()
    assert await first_broken(store.history) is None


async def test_many_writers_make_one_chain(url: str) -> None:
    async with open_store(url) as store:
        leases = [await running(store, number, f"app{number}") for number in range(10)]
        await asyncio.gather(
            *(
                store.runs.write(lease, (), (entry(lease.run, f"e{n}"), entry(lease.run)))
                for lease in leases
                for n in range(5)
            )
        )
        records = await store.history.all()
        assert len(records) == 10 + 100
        assert await first_broken(store.history) is None


def changes_text(connection_url: str) -> None:
    edit(connection_url, 'UPDATE history SET facts = \'{"a":"c"}\' WHERE sequence = 2')


def removes_middle(connection_url: str) -> None:
    edit(connection_url, "DELETE FROM history WHERE sequence = 2")


def swaps(connection_url: str) -> None:
    for old, new in ((2, 99), (3, 2), (99, 3)):
        edit(connection_url, f"UPDATE history SET sequence = {new} WHERE sequence = {old}")


def removes_last(connection_url: str) -> None:
    edit(connection_url, "DELETE FROM history WHERE sequence = 4")


def removes_all(connection_url: str) -> None:
    edit(connection_url, "DELETE FROM history")


def edit(connection_url: str, statement: str) -> None:
    engine = create_engine(connection_url.replace("+aiosqlite", "").replace("+aiomysql", "+pymysql"))
    with engine.begin() as connection:
        connection.execute(text(statement.replace(":", r"\:")))
    engine.dispose()


@pytest.mark.parametrize(
    ("tamper", "found"), [(changes_text, 2), (removes_middle, 2), (swaps, 2), (removes_last, 4), (removes_all, 1)]
)
async def test_a_history_edited_by_hand_does_not_hold(url: str, tamper: Callable[[str], None], found: int) -> None:
    async with open_store(url) as store:
        await made(store)
        await store.history.append((entry(event="two", a="b"), entry(event="three"), entry(event="four")), AT)
    tamper(url)
    async with open_readonly(url) as reader:
        assert await first_broken(reader.history) == found
