"""Forwarding each record of history at least once, with a position that is held in the store."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Protocol, Self

import structlog

from bot.audit.destinations import Destination
from bot.audit.lines import as_json
from bot.background import RepeatedWork, backoff
from bot.domain.runs.history import Head, Record
from bot.domain.secrets import Masker

_PAGE = 200
_POLL_SECONDS = 0.5
_FIRST_BACKOFF_SECONDS = 1.0
_MAX_BACKOFF_SECONDS = 60.0
_CLOSING_SECONDS = 5.0

_log = structlog.get_logger()


class HistorySource(Protocol):
    """Reads the history."""

    async def page_after(self, sequence: int, limit: int) -> tuple[Record, ...]:
        """Read at most `limit` records that follow a sequence, in order."""
        ...

    async def head(self) -> Head:
        """Read where the history ends."""
        ...


class Cursor(Protocol):
    """The position of the forwarding, under a lease, so that one process at a time forwards."""

    @property
    def held(self) -> bool:
        """Whether this process holds the lease now."""
        ...

    async def position(self) -> int:
        """Read the sequence of the last record that was forwarded."""
        ...

    async def advance(self, position: int) -> bool:
        """Note the position; False where another process holds the lease now."""
        ...


class Forwarder:
    """Forwards the history to one destination. Records wait while it fails, and nothing waits for them.

    Args:
        history: where it is read.
        cursor: the position of the forwarding.
        destination: takes the records.
        masker: of this installation's secrets.
    """

    def __init__(self, history: HistorySource, cursor: Cursor, destination: Destination, masker: Masker) -> None:
        self._history = history
        self._cursor = cursor
        self._destination = destination
        self._masker = masker
        self._work = RepeatedWork("forward the history", self._forward, interval=_POLL_SECONDS, failed=_failed)

    async def __aenter__(self) -> Self:
        """Start with the records that were not forwarded before."""
        self._work.start()
        self._work.wake()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forward the latest records, for a few seconds at most, and stop; the next start goes on from there."""
        await self._work.aclose()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._forward_pages()
        await self._destination.close()

    async def behind(self) -> int:
        """Count the records that no process has forwarded yet."""
        return max((await self._history.head()).sequence - await self._cursor.position(), 0)

    async def _forward(self) -> None:
        try:
            await self._forward_pages()
        except Exception:
            await self._rewind()
            raise

    async def _forward_pages(self) -> None:
        while self._cursor.held and await self._next_page():
            pass

    async def _next_page(self) -> bool:
        """Forward the next page; return whether there was one."""
        after = await self._cursor.position()
        records = await self._history.page_after(after, _PAGE)
        if not records:
            return False
        await self._destination.take([as_json(record, self._masker) for record in records])
        # Noted afterwards: a crash in between forwards records twice, and loses none.
        return await self._cursor.advance(records[-1].sequence)

    async def _rewind(self) -> None:
        """Go back by the records that the destination may have lost, so that they are forwarded again."""
        try:
            await self._destination.close()
            if self._destination.uncertain_lines and self._cursor.held:
                await self._cursor.advance(max(await self._cursor.position() - self._destination.uncertain_lines, 0))
        except Exception as error:
            _log.warning("history_not_forwarded", why=f"{type(error).__name__}: {error}")


def _failed(error: Exception, failures: int) -> float:
    pause = backoff(failures, first=_FIRST_BACKOFF_SECONDS, longest=_MAX_BACKOFF_SECONDS)
    _log.warning("history_not_forwarded", why=f"{type(error).__name__}: {error}", again_in=pause)
    return pause
