"""Connections to the database, handed to functions that use them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol, TypeVar

from sqlalchemy.engine import Connection, Dialect, Engine

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")


class Pool(Protocol):
    """Hands connections out, one for the length of one call."""

    @property
    def dialect(self) -> Dialect:
        """How the database speaks."""
        ...

    async def use(self, work: Callable[[Connection], T]) -> T:
        """Call a function with a connection of its own, on which no transaction has begun.

        Args:
            work: it may be called in another thread, and must touch nothing there that belongs to the event loop.

        Raises:
            SQLAlchemyError: the database cannot be used.
        """
        ...

    async def close(self) -> None:
        """Close every connection, once nothing uses it."""
        ...


class ServerPool:
    """Connections to a server, over the event loop.

    Args:
        engine: with its pool.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @property
    def dialect(self) -> Dialect:
        """How the database speaks."""
        return self._engine.dialect

    async def use(self, work: Callable[[Connection], T]) -> T:
        """Call a function with a connection of its own."""
        async with self._engine.connect() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


class FilePool:
    """The connection to a file, in a thread of its own.

    A transaction is one visit to that thread. With a visit for each statement, as aiosqlite makes them, a busy event
    loop is waited for a dozen times in each transaction, and Slack with it.

    Args:
        engine: with a pool of one connection.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")

    @property
    def dialect(self) -> Dialect:
        """How the database speaks."""
        return self._engine.dialect

    async def use(self, work: Callable[[Connection], T]) -> T:
        """Call a function with the connection, in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._use, work)

    def _use(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            return work(connection)

    async def close(self) -> None:
        """Close the connection and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown()
