"""Group commit: items that arrive during a commit are committed together in the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy.engine import Connection

from bot.store.sql.cancellation import carried_to_its_end
from bot.store.sql.errors import StoreError

Item = TypeVar("Item")
Result = TypeVar("Result")
Together = Callable[[Connection, Sequence[Item]], list[Result]]
"""Writes several items in one transaction and gives a result for each. Doing it again must do no harm."""


class GroupCommit(Generic[Item, Result]):
    """Commits many items in few transactions; each caller returns when its own item is committed.

    Args:
        transact: runs a function in a transaction of its own.
        together: what that transaction does with the items.
    """

    def __init__(
        self,
        transact: Callable[[Callable[[Connection], list[Result]]], Awaitable[list[Result]]],
        together: Together[Item, Result],
    ) -> None:
        self._transact = transact
        self._together = together
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Result:
        """Commit an item; a cancellation stops the waiting, and the item may be committed all the same.

        Raises:
            StoreError: it could not be committed.
        """
        return await self._enqueue(item)

    async def complete(self, item: Item) -> Result:
        """Commit an item; a cancellation waits until that is done.

        Raises:
            StoreError: it could not be committed.
        """
        return await carried_to_its_end(self._enqueue(item))

    async def drain(self) -> None:
        """Wait until every item that was submitted is committed."""
        if self._worker is not None:
            await asyncio.wait({self._worker})

    def _enqueue(self, item: Item) -> asyncio.Future[Result]:
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._commit_those_waiting()
        finally:
            self._worker = None

    async def _commit_those_waiting(self) -> None:
        batch: list[tuple[Item, asyncio.Future[Result]]] = []

        def work(connection: Connection) -> list[Result]:
            # Taken at the last moment, with those that arrived meanwhile; one by one, as this may run in another thread
            # than the one in which others arrive.
            if not batch:  # else it is another attempt: an earlier one may prove to be committed, without any more
                while self._waiting:
                    batch.append(self._waiting.popleft())
            return self._together(connection, [item for item, _ in batch])

        try:
            results = await self._transact(work)
        except StoreError as error:
            batch.extend(self._waiting)  # waiting longer would not help
            self._waiting.clear()
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001, RUF100 - whatever it was, it belongs to those who wait
            if not batch:  # it was met before anybody was taken: nobody would ever be
                batch.extend(self._waiting)
                self._waiting.clear()
            await self._commit_each(batch, error)
        except asyncio.CancelledError:
            for _, answer in (*batch, *self._waiting):
                answer.cancel()
            self._waiting.clear()
            raise
        else:
            for (_, answer), result in zip(batch, results, strict=True):
                if not answer.done():
                    answer.set_result(result)

    async def _commit_each(self, batch: list[tuple[Item, asyncio.Future[Result]]], error: Exception) -> None:
        """Commit items one by one, after one of them made the batch fail."""
        if len(batch) <= 1:
            _fail(batch, error)
            return
        for item, answer in batch:
            try:
                (result,) = await self._transact(self._alone(item))
            except Exception as own:  # noqa: BLE001, RUF100 - told to the one it belongs to
                _fail([(item, answer)], own)
            else:
                if not answer.done():
                    answer.set_result(result)

    def _alone(self, item: Item) -> Callable[[Connection], list[Result]]:
        return lambda connection: self._together(connection, [item])


def _fail(batch: list[tuple[Item, asyncio.Future[Result]]], error: Exception) -> None:
    for _, answer in batch:
        if not answer.done():
            answer.set_exception(error)
