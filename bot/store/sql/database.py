"""Atomic transactions, retried where that is safe, and never interrupted by a cancellation."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import insert, literal, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from bot.store.schema import commit_markers, history_head
from bot.store.sql.cancellation import carried_to_its_end
from bot.store.sql.driver_errors import explained, is_duplicate, is_passing
from bot.store.sql.errors import StoreError, StoreSilentError
from bot.store.sql.pools import Pool
from bot.store.sql.priority import Priority, PriorityLock
from bot.store.sql.timestamps import database_now

T = TypeVar("T")
Work = Callable[[Connection], T]
"""The body of a transaction. It may be called several times, and in another thread, where it must not use anything that
belongs to the event loop."""

_PAUSES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds between two attempts; each is cut by a random part, so that rivals do not meet again."""

ANSWER_SECONDS = 10.0
"""How long a start waits for a server that accepts connections and says nothing."""


@dataclass
class _Kept(Generic[T]):
    """The result of a transaction before its commit, needed where only the commit's answer is lost."""

    results: list[T]


class Database:
    """One database, and every transaction on it.

    Args:
        pool: of connections to it.
        where: the store, without its password, for errors.
        at_once: maximum transactions at a time.
        attempt_seconds: after which an attempt counts as lost; None where no network can hold it up.
        marks_commits: whether a connection can be lost in the middle of a commit; each transaction then leaves
            a marker.
    """

    def __init__(
        self,
        pool: Pool,
        where: str,
        *,
        at_once: int,
        attempt_seconds: float | None,
        marks_commits: bool,
    ) -> None:
        self._pool = pool
        self._where = where
        self._turns = PriorityLock(at_once)
        self._attempt_seconds = attempt_seconds
        self._marks_commits = marks_commits
        self._under_way: set[asyncio.Task[Any]] = set()

    async def read(self, work: Work[T]) -> T:
        """Read in one transaction, which sees one state of the database.

        Raises:
            StoreError: the database cannot be used.
        """
        return await asyncio.shield(self._start(self._attempts(self._read_once, work, Priority.WORKING)))

    async def write(self, work: Work[T], priority: Priority = Priority.WORKING) -> T:
        """Write in one transaction.

        A cancellation does not reach it: it is carried to its end first, so that afterwards the database holds
        all of it or nothing.

        Args:
            work: what is written; what it raises rolls everything back and is passed on.
            priority: among the transactions that wait.

        Raises:
            StoreError: the database cannot be used.
        """
        return await carried_to_its_end(self._start(self._attempts(self._write_once, work, priority)))

    async def prepare(self, work: Work[T], seconds: float | None = None) -> T:
        """Run one transaction without retries before all others, so that an unreachable server is reported at once.

        Args:
            work: the transaction.
            seconds: after which a server that does not answer is reported too; by default that of any look at it. A
                file has no limit.

        Raises:
            StoreError: the database cannot be used; its cause is what the database raised.
        """

        def once(connection: Connection) -> T:
            with connection.begin():
                return work(connection)

        limit = None if self._attempt_seconds is None else seconds or ANSWER_SECONDS
        try:
            async with asyncio.timeout(limit):
                return await self._pool.use(once)
        except SQLAlchemyError as error:
            raise explained(error, self._where) from error
        except TimeoutError as error:
            raise StoreError(
                f"the database server has not answered for {limit:.0f} s",
                self._where,
                "check that it is up, and what lies between",
            ) from error

    async def ping(self, seconds: float) -> None:
        """Ask the database for nothing, once, and beside the transactions that wait for their turn.

        Args:
            seconds: to wait for the answer.

        Raises:
            SQLAlchemyError, TimeoutError: it does not answer.
        """
        async with asyncio.timeout(seconds):
            await self._pool.use(_ask_for_nothing)

    async def drain(self) -> None:
        """Wait until no transaction is going on."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def close(self) -> None:
        """Wait until no transaction is going on, and close the connections."""
        await self.drain()
        await self._pool.close()

    def _start(self, transaction: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(transaction)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved, as the caller may be gone

    async def _attempts(
        self,
        once: Callable[[Work[T], str, _Kept[T]], Coroutine[Any, Any, T]],
        work: Work[T],
        priority: Priority,
    ) -> T:
        marker = secrets.token_hex(16)
        kept: _Kept[T] = _Kept([])
        for pause in (*_PAUSES, None):
            try:
                async with self._turns.turn(priority), asyncio.timeout(self._attempt_seconds):
                    return await once(work, marker, kept)
            except SQLAlchemyError as error:
                if not is_passing(error):
                    raise explained(error, self._where) from error
                if pause is None:
                    raise self._gave_up(kept) from error
            except TimeoutError as error:
                if pause is None:
                    raise self._gave_up(kept) from error
            await asyncio.sleep(pause * (0.5 + secrets.randbelow(500) / 1000))
        raise AssertionError("the last attempt returns or raises")

    def _gave_up(self, kept: _Kept[Any]) -> StoreSilentError:
        known = "it is not known whether the last write took effect" if kept.results else "nothing was written"
        return StoreSilentError(f"the database did not answer; {known}", self._where, "check the database server")

    async def _read_once(self, work: Work[T], marker: str, kept: _Kept[T]) -> T:
        del marker, kept

        def once(connection: Connection) -> T:
            if self._marks_commits:
                # A server's READ COMMITTED, good for writing, would show a later state in each statement.
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                return work(connection)

        return await self._pool.use(once)

    async def _write_once(self, work: Work[T], marker: str, kept: _Kept[T]) -> T:
        def once(connection: Connection) -> T:
            with connection.begin() as transaction:
                if self._marks_commits:
                    try:
                        connection.execute(insert(commit_markers).values(marker=marker, at=database_now()))
                    except IntegrityError as error:
                        if not is_duplicate(error):
                            raise
                        # The commit of an earlier attempt took effect, and only its answer was lost.
                        return kept.results[-1]
                result = work(connection)
                kept.results.append(result)
                transaction.commit()
                return result

        return await self._pool.use(once)


def _ask_for_nothing(connection: Connection) -> None:
    with connection.begin():
        # Of a table: the node of a cluster must have seen what the others have written, or say that it has lost them.
        connection.execute(select(literal(1)).select_from(history_head)).first()
