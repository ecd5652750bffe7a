"""Background work in the event loop: tasks with one owner, and work that is repeated when woken or at intervals."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Self


async def wait_for(event: asyncio.Event, seconds: float) -> bool:
    """Wait until an event is set, for at most `seconds`; say whether it is set."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
    return event.is_set()


def backoff(failures: int, *, first: float, longest: float) -> float:
    """Give the seconds to pause after a failure: doubled with each failure in a row.

    Args:
        failures: in a row, from 1 on.
        first: the pause after the first one, seconds.
        longest: the longest pause, seconds.
    """
    return float(min(first * 2 ** min(failures - 1, 30), longest))


async def cancel(*tasks: asyncio.Task[None] | None) -> None:
    """Cancel tasks and wait until they have ended, whatever they ended with."""
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


class TaskSet:
    """Tasks that end by themselves, or with their owner. Each must handle its own exceptions."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Start a task and hold it until it has ended."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def aclose(self) -> None:
        """Cancel the tasks that still run and wait until they have ended."""
        await cancel(*self._tasks)


class RepeatedWork:
    """Repeats work in one task: as soon as `wake` is called, and otherwise at intervals.

    The first round starts after one interval; call `wake` to start it at once. `start` and `aclose` can be replaced by
    `async with`.

    Args:
        name: of the task.
        work: one round.
        interval: seconds between two rounds while nothing wakes.
        failed: called with an exception of `work` and the number of failures in a row; logs it, and returns the
            seconds until the next round, which `wake` does not shorten, or None to end the repetition.
        at_least: seconds between two rounds, however often `wake` is called.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[None]],
        *,
        interval: float,
        failed: Callable[[Exception, int], float | None],
        at_least: float = 0.0,
    ) -> None:
        self._name = name
        self._work = work
        self._interval = interval
        self._failed = failed
        self._at_least = at_least
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the task."""
        self._task = asyncio.create_task(self._repeat(), name=self._name)

    def wake(self) -> None:
        """Start the next round now, or directly after the one that is going on; returns at once."""
        self._woken.set()

    async def aclose(self) -> None:
        """Cancel the round that is going on, and wait until the task has ended."""
        await cancel(self._task)

    async def __aenter__(self) -> Self:
        """Start the task."""
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the task."""
        await self.aclose()

    async def _repeat(self) -> None:
        failures = 0
        while True:
            await wait_for(self._woken, self._interval)
            self._woken.clear()
            try:
                await self._work()
            except Exception as error:
                failures += 1
                pause = self._failed(error, failures)
                if pause is None:
                    return
                self._woken.set()
            else:
                failures = 0
                pause = self._at_least
            await asyncio.sleep(pause)
