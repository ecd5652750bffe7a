"""Read-only sessions that stay open for a while after their use: a run looks at its database several times."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from contextvars import Context
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from bot.background import TaskSet
from bot.databases.server.connection import Connection
from bot.databases.server.session import ReadOnlySession
from bot.domain.errors import RefusedError
from bot.domain.targets.target import Database

KEPT_SECONDS = 15.0
"""Seconds after which a session that nobody uses is closed."""

SILENT_SECONDS = 5.0
"""Seconds after which a session is asked for a sign of life before its use."""

_KEPT = 2
"""Sessions of a database at most: two checks are made at once when a run ends."""

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
    since: float


class IdleSessions:
    """Keeps a few idle sessions of each database. As a context manager it closes them all at the end.

    Args:
        seconds: for which one is kept.
        silent: for which it may have said nothing and is taken to live.
    """

    def __init__(self, seconds: float = KEPT_SECONDS, silent: float = SILENT_SECONDS) -> None:
        self._seconds = seconds
        self._silent = silent
        self._kept: defaultdict[Database, list[_Kept]] = defaultdict(list)
        self._opening: set[Database] = set()
        self._tasks = TaskSet()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        left = [self._remove(database) for database, kept in tuple(self._kept.items()) for _ in tuple(kept)]
        await asyncio.gather(*(one.session.close() for one in left if one is not None), return_exceptions=True)
        await self._tasks.aclose()

    async def take(self, database: Database) -> OpenSession | None:
        """Return an idle session of a database that still answers."""
        while (kept := self._remove(database)) is not None:
            try:
                if await kept.session.connection.answers(_ANSWER_SECONDS):
                    return kept.session
            except BaseException:
                await kept.session.close()
                raise
            self._tasks.start(kept.session.close(), "close a lost session")
        return None

    async def take_unasked(self, database: Database) -> OpenSession | None:
        """Return an idle session of a database that answered a moment ago, and may have been lost since.

        One that has been silent for longer is asked for a sign of life.
        """
        kept = next(reversed(self._kept[database]), None)
        if kept is None or asyncio.get_running_loop().time() - kept.since > self._silent:
            return await self.take(database)
        self._remove(database)
        return kept.session

    async def give_back(self, database: Database, session: OpenSession) -> None:
        """Keep a session whose use has ended well, or close it where there are enough already."""
        if self._closed or len(self._kept[database]) >= _KEPT:
            await session.close()
            return
        loop = asyncio.get_running_loop()
        expiry = loop.call_later(self._seconds, self._expire, database)
        self._kept[database].append(_Kept(session, expiry, loop.time()))

    def prepare(self, database: Database, open_session: Callable[[], Awaitable[OpenSession]]) -> None:
        """Open a session in the background, unless there are enough.

        Args:
            database: of the session.
            open_session: opens it; a refusal means that there is none, and is told to whoever opens the next one.
        """
        if self._closed or database in self._opening or len(self._kept[database]) >= _KEPT:
            return

        async def opening() -> None:
            try:
                await self.give_back(database, await open_session())
            except RefusedError:
                return
            finally:
                self._opening.discard(database)

        self._opening.add(database)
        Context().run(self._tasks.start, opening(), "open a session ahead")

    def _expire(self, database: Database) -> None:
        kept = self._kept[database].pop(0)  # the one that is kept for the longest
        self._tasks.start(kept.session.close(), "close an idle session")

    def _remove(self, database: Database) -> _Kept | None:
        """Take the session that was used last out."""
        if not self._kept[database]:
            return None
        kept = self._kept[database].pop()
        kept.expiry.cancel()
        return kept
