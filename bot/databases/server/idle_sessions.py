"""Read-only sessions that stay open for a while after their use: a run looks at its database several times."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from bot.background import TaskSet
from bot.databases.server.connection import Connection
from bot.databases.server.session import ReadOnlySession
from bot.domain.targets.target import Database

KEPT_SECONDS = 15.0
"""Seconds after which a session that nobody uses is closed."""

_ANSWER_SECONDS = 2.0


@dataclass(frozen=True)
class OpenSession:
    """A session, and what closes it and the tunnel that it goes through.

    Args:
        session: for the user.
        connection: that it is on.
        resources: of both.
    """

    session: ReadOnlySession
    connection: Connection
    resources: AsyncExitStack

    async def close(self) -> None:
        """Close it."""
        await self.resources.aclose()


@dataclass(frozen=True)
class _Kept:
    session: OpenSession
    expiry: asyncio.TimerHandle


class IdleSessions:
    """Keeps at most one idle session of each database. As a context manager it closes them all at the end.

    Args:
        seconds: for which one is kept.
    """

    def __init__(self, seconds: float = KEPT_SECONDS) -> None:
        self._seconds = seconds
        self._kept: dict[Database, _Kept] = {}
        self._closing = TaskSet()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        left = [self._remove(database) for database in tuple(self._kept)]
        await asyncio.gather(*(session.close() for session in left if session is not None), return_exceptions=True)
        await self._closing.aclose()

    async def take(self, database: Database) -> OpenSession | None:
        """Return the idle session of a database if it still answers."""
        session = self._remove(database)
        if session is None:
            return None
        try:
            if await session.connection.answers(_ANSWER_SECONDS):
                return session
        except BaseException:
            await session.close()
            raise
        self._closing.start(session.close(), "close a lost session")
        return None

    async def give_back(self, database: Database, session: OpenSession) -> None:
        """Keep a session whose use has ended well, or close it where there is one already."""
        if self._closed or database in self._kept:
            await session.close()
            return
        expiry = asyncio.get_running_loop().call_later(self._seconds, self._expire, database)
        self._kept[database] = _Kept(session, expiry)

    def _expire(self, database: Database) -> None:
        session = self._remove(database)
        if session is not None:
            self._closing.start(session.close(), "close an idle session")

    def _remove(self, database: Database) -> OpenSession | None:
        kept = self._kept.pop(database, None)
        if kept is None:
            return None
        kept.expiry.cancel()
        return kept.session
