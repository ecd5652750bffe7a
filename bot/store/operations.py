"""Declaring operations of the store: each is one function on a connection, bound here to a database."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy.engine import Connection

from bot.store.sql.database import Database
from bot.store.sql.priority import Priority

P = ParamSpec("P")
T = TypeVar("T")
Operation = Callable[Concatenate[Connection, P], T]


class StoreOperations:
    """The operations on one noun of the store. Each is one transaction, and raises `StoreError` where the store fails.

    A cancelled write is completed before the cancellation goes on.

    Args:
        database: at the newest schema.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _read(self, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._database.read(lambda connection: operation(connection, *args, **kwargs))

    async def _write(self, priority: Priority, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._database.write(lambda connection: operation(connection, *args, **kwargs), priority)


def read(
    operation: Operation[P, T],
) -> Callable[Concatenate[StoreOperations, P], Coroutine[Any, Any, T]]:
    """Make a method of a function that reads in one transaction."""

    async def method(self: StoreOperations, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._read(operation, *args, **kwargs)

    return method


def write(
    operation: Operation[P, T], priority: Priority = Priority.WORKING
) -> Callable[Concatenate[StoreOperations, P], Coroutine[Any, Any, T]]:
    """Make a method of a function that writes in one transaction."""

    async def method(self: StoreOperations, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._write(priority, operation, *args, **kwargs)

    return method
