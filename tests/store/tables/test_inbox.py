import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from bot.demo.host.tcp_proxy import TcpProxy
from bot.domain.inbox import Event, EventKind
from bot.store import SqlStore, open_store
from bot.store.tables import inbox
from tests.store.support.samples import event


async def test_an_event_is_recorded_once(store: SqlStore) -> None:
    assert await store.inbox.receive(event())
    assert not await store.inbox.receive(event())
    assert await store.inbox.waiting(9) == (event(),)


async def test_ids_that_differ_in_case_are_different_events(store: SqlStore) -> None:
    assert await store.inbox.receive(Event("EvA", EventKind.BUTTON, "{}"))
    assert await store.inbox.receive(Event("Eva", EventKind.BUTTON, "{}"))


async def test_of_the_same_event_delivered_many_times_at_once_one_is_first(store: SqlStore) -> None:
    answers = await asyncio.gather(*(store.inbox.receive(event(number % 10)) for number in range(100)))
    assert sum(answers) == 10
    assert {found.id for found in await store.inbox.waiting(100)} == {event(number).id for number in range(10)}


async def test_settled_events_wait_no_longer_and_stay_known(store: SqlStore) -> None:
    for number in (1, 2, 3):
        await store.inbox.receive(event(number))
    await asyncio.gather(store.inbox.settle("Ev1"), store.inbox.settle("Ev3"), store.inbox.settle("nothing"))
    assert await store.inbox.waiting(9) == (event(2),)
    assert not await store.inbox.receive(event(1))


async def test_waiting_gives_the_oldest(store: SqlStore) -> None:
    for number in range(5):
        await store.inbox.receive(event(number))
    assert [found.id for found in await store.inbox.waiting(2)] == ["Ev0", "Ev1"]


async def test_only_settled_events_are_pruned(store: SqlStore) -> None:
    for number in (1, 2):
        await store.inbox.receive(event(number))
    await store.inbox.settle("Ev1")
    assert await store.inbox.prune(datetime.now(UTC) - timedelta(days=1)) == 0
    assert await store.inbox.prune(datetime.now(UTC) + timedelta(days=1)) == 1
    assert await store.inbox.waiting(9) == (event(2),)
    assert await store.inbox.receive(event(1))


async def test_what_was_received_survives_closing(url: str) -> None:
    async with open_store(url) as store:
        await store.inbox.receive(event())
    async with open_store(url) as store:
        assert not await store.inbox.receive(event())
        assert await store.inbox.waiting(9) == (event(),)


async def test_a_large_body_is_kept_whole(store: SqlStore) -> None:
    large = Event("Ev1", EventKind.VIEW, "x" * 200_000)
    await store.inbox.receive(large)
    assert await store.inbox.waiting(1) == (large,)


async def test_an_event_that_cannot_be_written_spoils_no_other(store: SqlStore) -> None:
    broken = Event("broken", EventKind.OTHER, "\ud800")
    answers = await asyncio.gather(
        store.inbox.receive(event(1)),
        store.inbox.receive(broken),
        store.inbox.receive(event(2)),
        return_exceptions=True,
    )
    assert [answers[0], answers[2]] == [True, True]
    assert isinstance(answers[1], UnicodeError)


async def test_an_id_that_is_too_long_is_refused(store: SqlStore) -> None:
    with pytest.raises(ValueError, match="255"):
        await store.inbox.receive(Event("x" * 256, EventKind.OTHER, "{}"))


@pytest.mark.xdist_group("mariadb")
async def test_what_is_too_late_is_not_recorded_though_the_server_answers_again(
    mariadb_url: str, new_wire: Callable[[int], Awaitable[TcpProxy]]
) -> None:
    address = mariadb_url.split("@")[1].split("/")[0]
    wire = await new_wire(int(address.split(":")[1]))
    async with open_store(mariadb_url.replace(address, f"{wire.address}:{wire.port}")) as store:
        assert await store.inbox.receive(event("before"), 20)
        wire.freeze()
        for seconds in (0.3, 0.01):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(seconds):
                    await store.inbox.receive(event(f"late {seconds}"), seconds)
        unhurried = asyncio.create_task(store.inbox.receive(event("unhurried")))
        await asyncio.sleep(0)
        await wire.heal()
        assert await unhurried
        await store.drain()
        assert {found.id for found in await store.inbox.waiting(100)} == {"Evbefore", "Evunhurried"}


async def test_what_becomes_too_late_in_its_transaction_is_rolled_back_and_holds_up_nobody(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 0.0
    record = inbox._record

    def slow(*arguments: Any) -> Any:
        nonlocal clock
        clock += 1.5
        return record(*arguments)

    monkeypatch.setattr(inbox, "time", SimpleNamespace(monotonic=lambda: clock))
    monkeypatch.setattr(inbox, "_record", slow)
    at = inbox.Delivery(event("late"), "r1", 0, 1.0), inbox.Delivery(event("in time"), "r2", 0, 100.0)
    answers = await asyncio.gather(*(store.inbox._receiving.submit(each) for each in at), return_exceptions=True)
    assert answers == [False, True]
    assert [found.id for found in await store.inbox.waiting(100)] == ["Evin time"]
