import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.inbox import Event, EventKind
from bot.store import SqlStore, open_store
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
