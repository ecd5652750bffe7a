import asyncio
from typing import Any

import pymysql.err
import pytest
from sqlalchemy.engine import Connection

from bot.engine.run_changes import FactsAre
from bot.store import SqlStore, StoreError, open_store
from bot.store.history.verify import first_broken
from bot.store.sql.priority import Priority, PriorityLock
from tests.store.support.samples import AT, claimed, entry, event, made, request, running


async def test_a_cancelled_write_is_carried_to_its_end(store: SqlStore) -> None:
    lease = await running(store)
    for number in range(40):
        task = asyncio.create_task(
            store.runs.write(lease, (FactsAre({str(number): "x"}),), (entry(event="fact", n=str(number)),))
        )
        for _ in range(number):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        run = await store.runs.get(lease.run)
        told = {record.entry.facts["n"] for record in await store.history.all() if record.entry.event == "fact"}
        assert run is not None
        assert set(run.facts) == told, "both or neither"
        if number:
            assert str(number) in told, "the cancelled task had begun, and waited until it was written"
    assert await first_broken(store.history) is None


async def test_cancelled_readers_and_receivers_harm_nobody(store: SqlStore) -> None:
    tasks: list[asyncio.Task[Any]] = []
    for number in range(30):
        tasks += [asyncio.create_task(store.inbox.receive(event(number))), asyncio.create_task(store.runs.recent(5))]
        await asyncio.sleep(0)
        for task in tasks[-2:]:
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await store.inbox.receive(event("after"))
    assert "Evafter" in [found.id for found in await store.inbox.waiting(100)]


async def test_closing_waits_for_what_was_asked(url: str) -> None:
    async with open_store(url) as store:
        await made(store)
        for number in range(10):
            task = asyncio.create_task(store.inbox.receive(event(number)))
            await asyncio.sleep(0)
            del task
        writing = asyncio.create_task(store.history.append((entry(event="last"),), AT))
        await asyncio.sleep(0)
    await writing
    async with open_store(url) as store:
        assert len(await store.inbox.waiting(100)) == 10
        assert (await store.history.all())[-1].entry.event == "last"


def lose_answers(store: SqlStore, monkeypatch: pytest.MonkeyPatch, *, before_commit: bool, times: int) -> list[int]:
    """Let commits fail as a lost connection does, after or before they took effect at the server."""
    dialect = store._database._pool.dialect
    real = dialect.do_commit
    lost: list[int] = []

    def do_commit(connection: Any) -> None:
        if not before_commit:
            real(connection)
        if len(lost) < times:
            lost.append(1)
            if before_commit:
                dialect.do_rollback(connection)
            raise pymysql.err.OperationalError(2013, "Lost connection to MySQL server during query")
        if before_commit:
            real(connection)

    monkeypatch.setattr(dialect, "do_commit", do_commit)
    return lost


@pytest.mark.xdist_group("mariadb")
@pytest.mark.parametrize("before_commit", [False, True])
async def test_a_commit_whose_answer_is_lost_takes_effect_once(
    mariadb_url: str, monkeypatch: pytest.MonkeyPatch, before_commit: bool
) -> None:
    async with open_store(mariadb_url) as store:
        lease = await running(store)
        before = await store.runs.get(lease.run)
        assert before is not None
        lost = lose_answers(store, monkeypatch, before_commit=before_commit, times=1)
        written = await store.runs.write(lease, (FactsAre({"a": "b"}),), (entry(event="once"),))
        assert lost
        assert written.revision == before.revision + 1
        assert written == await store.runs.get(lease.run)
        assert [record.entry.event for record in await store.history.all()] == ["requested", "once"]


@pytest.mark.xdist_group("mariadb")
async def test_an_answer_lost_does_not_turn_the_first_into_a_second(
    mariadb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_store(mariadb_url) as store:
        lost = lose_answers(store, monkeypatch, before_commit=False, times=1)
        assert await store.inbox.receive(event())
        assert lost
        lost.clear()
        assert await store.schedule_claims.claim("s", AT, "one")
        lost.clear()
        run = await store.runs.create("R-000001", request(), AT, entry())
        assert run.id == "R-000001"
        lost.clear()
        assert await store.leases.claim(run.id, "one", AT - AT) is not None


@pytest.mark.xdist_group("mariadb")
async def test_a_deadlock_is_tried_again(mariadb_url: str) -> None:
    async with open_store(mariadb_url) as store:
        first, second = await claimed(store, 1), await claimed(store, 2)
        tried: list[str] = []
        barrier = {first.run: False, second.run: False}

        def crossing(one: str, two: str) -> Any:
            def work(connection: Connection) -> None:
                tried.append(one)
                raise_by_one(connection, one)
                barrier[one] = True
                while not all(barrier.values()):  # both hold their first row now
                    connection.exec_driver_sql("SELECT SLEEP(0.01)")
                raise_by_one(connection, two)

            return work

        database = store._database
        await asyncio.gather(
            database.write(crossing(first.run, second.run)), database.write(crossing(second.run, first.run))
        )
        assert len(tried) > 2
        writes = await database.read(lambda c: c.exec_driver_sql("SELECT writes FROM runs").scalars().all())
        assert writes == [2, 2]


def raise_by_one(connection: Connection, run: str) -> None:
    connection.exec_driver_sql("UPDATE runs SET writes = writes + 1 WHERE id = %s", (run,))


@pytest.mark.xdist_group("mariadb")
async def test_killed_connections_are_made_again(mariadb_url: str) -> None:
    async with open_store(mariadb_url) as store:
        lease = await running(store)
        killed: list[int] = []

        def work(connection: Connection) -> str:
            raise_by_one(connection, lease.run)
            if not killed:
                killed.append(connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one())
                connection.exec_driver_sql(f"KILL {killed[0]}")
            return "done"

        assert await store._database.write(work) == "done"
        assert killed


async def test_what_the_database_refuses_is_said(store: SqlStore) -> None:
    with pytest.raises(StoreError, match="nowhere"):
        await store._database.read(lambda connection: connection.exec_driver_sql("SELECT * FROM nowhere"))


async def test_turns_let_the_urgent_go_first() -> None:
    turns = PriorityLock(1)
    order: list[str] = []

    async def work(name: str, urgency: Priority) -> None:
        async with turns.turn(urgency):
            order.append(name)
            await asyncio.sleep(0)

    names = ["w1", "w2", "a1", "w3", "a2"]
    await asyncio.gather(
        *(work(name, Priority.ACKNOWLEDGING if name[0] == "a" else Priority.WORKING) for name in names)
    )
    assert order == ["w1", "a1", "a2", "w2", "w3"]


async def test_a_cancelled_turn_is_given_on() -> None:
    turns = PriorityLock(1)

    async def work() -> None:
        async with turns.turn(Priority.WORKING):
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(work()) for _ in range(4)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.sleep(0)
    tasks[2].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(5):
        await work()
