"""Work in the background is woken, repeated, slowed down after failures, and ended by its owner."""

from __future__ import annotations

import asyncio

import pytest

from bot.background import RepeatedWork, TaskSet, backoff, wait_for
from tests.support.polling import eventually

NEVER = 3600.0


class Work:
    """Counts its rounds, and fails in the first ones."""

    def __init__(self, failures: int = 0) -> None:
        self.rounds = 0
        self.failures = failures

    async def __call__(self) -> None:
        self.rounds += 1
        if self.rounds <= self.failures:
            raise ValueError(self.rounds)


def unexpected(error: Exception, failures: int) -> float:
    raise AssertionError(failures) from error


async def test_work_is_repeated_at_intervals() -> None:
    work = Work()
    async with RepeatedWork("test", work, interval=0.01, failed=unexpected):
        await eventually(lambda: work.rounds >= 3)


async def test_work_starts_when_woken_and_once_for_many_calls() -> None:
    work = Work()
    async with RepeatedWork("test", work, interval=NEVER, failed=unexpected) as repeated:
        await asyncio.sleep(0.02)
        assert work.rounds == 0
        repeated.wake()
        repeated.wake()
        await eventually(lambda: work.rounds == 1)
        await asyncio.sleep(0.02)
        assert work.rounds == 1


async def test_a_call_during_a_round_starts_another() -> None:
    entered, goes_on, rounds = asyncio.Event(), asyncio.Event(), 0

    async def work() -> None:
        nonlocal rounds
        rounds += 1
        entered.set()
        await goes_on.wait()

    async with RepeatedWork("test", work, interval=NEVER, failed=unexpected) as repeated:
        repeated.wake()
        await entered.wait()
        repeated.wake()
        goes_on.set()
        await eventually(lambda: rounds == 2)


async def test_rounds_keep_their_distance_however_often_woken() -> None:
    work = Work()
    async with RepeatedWork("test", work, interval=NEVER, failed=unexpected, at_least=NEVER) as repeated:
        repeated.wake()
        await eventually(lambda: work.rounds == 1)
        repeated.wake()
        await asyncio.sleep(0.02)
        assert work.rounds == 1


async def test_failures_in_a_row_are_counted_until_a_round_succeeds() -> None:
    work, counted = Work(failures=3), []

    def failed(error: Exception, failures: int) -> float:
        assert isinstance(error, ValueError)
        counted.append(failures)
        return 0.0

    async with RepeatedWork("test", work, interval=NEVER, failed=failed) as repeated:
        repeated.wake()
        await eventually(lambda: work.rounds == 4)
        work.failures = 5
        repeated.wake()
        await eventually(lambda: work.rounds == 6)
    assert counted == [1, 2, 3, 1]


async def test_waking_does_not_shorten_the_pause_after_a_failure() -> None:
    work = Work(failures=1)
    async with RepeatedWork("test", work, interval=NEVER, failed=lambda error, failures: NEVER) as repeated:
        repeated.wake()
        await eventually(lambda: work.rounds == 1)
        repeated.wake()
        await asyncio.sleep(0.02)
        assert work.rounds == 1


async def test_a_failure_can_end_the_repetition() -> None:
    work = Work(failures=1)
    async with RepeatedWork("test", work, interval=0.0, failed=lambda error, failures: None):
        await eventually(lambda: work.rounds == 1)
        await asyncio.sleep(0.02)
        assert work.rounds == 1


async def test_closing_cancels_what_is_going_on() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.sleep(NEVER)
        finally:
            ended.append("round")

    async def other() -> None:
        try:
            await asyncio.sleep(NEVER)
        finally:
            ended.append("task")

    tasks = TaskSet()
    async with RepeatedWork("test", work, interval=0.0, failed=unexpected):
        tasks.start(other(), "test")
        await asyncio.sleep(0.01)
        await tasks.aclose()
    assert ended == ["task", "round"]


async def test_waiting_for_an_event_ends_in_time() -> None:
    event = asyncio.Event()
    assert not await wait_for(event, 0.001)
    event.set()
    assert await wait_for(event, NEVER)


@pytest.mark.parametrize(("failures", "pause"), [(1, 0.5), (2, 1.0), (4, 4.0), (8, 60.0), (10_000, 60.0)])
def test_the_pause_doubles_up_to_the_longest(failures: int, pause: float) -> None:
    assert backoff(failures, first=0.5, longest=60.0) == pause
