"""Passing on each record of history at least once and in order, with a position that is held in the store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
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


class Recipient(Protocol):
    """Takes records of the history, in order."""

    uncertain_records: int
    """Maximum latest records that may be lost when the connection breaks, although `take` returned."""

    async def take(self, records: Sequence[Record]) -> int:
        """Take records, at least up to the first one that is for it.

        Args:
            records: one or more, in order.

        Returns:
            The sequence of the last one that need not come again.

        Raises:
            Exception: it cannot take them now.
            RecipientGoneError: it never will.
        """
        ...

    async def close(self) -> None:
        """Close it; the next record opens it again."""
        ...


class RecipientGoneError(Exception):
    """A recipient says that it wants to be told nothing any more."""


class TakenLaterError(Exception):
    """A recipient asks not to be told more for a while.

    Args:
        why: in English.
        again_in: seconds.
    """

    def __init__(self, why: str, again_in: float) -> None:
        super().__init__(why)
        self.again_in = again_in


class FromNowOn:
    """A cursor whose first position is the end of the history as it is then.

    What is stored is one more than the position, so that 0 means that there is none yet.

    Args:
        cursor: as it is stored.
        history: where it ends.
    """

    def __init__(self, cursor: Cursor, history: HistorySource) -> None:
        self._cursor = cursor
        self._history = history

    @property
    def held(self) -> bool:
        """Whether this process holds the lease now."""
        return self._cursor.held

    async def position(self) -> int:
        """Read the sequence of the last record that was passed on, or of the last before the beginning."""
        stored = await self._cursor.position()
        if stored:
            return stored - 1
        end = (await self._history.head()).sequence
        if self._cursor.held:
            await self._cursor.advance(end + 1)
        return end

    async def advance(self, position: int) -> bool:
        """Note the position; False where another process holds the lease now."""
        return await self._cursor.advance(position + 1)


class Lines:
    """Gives a destination each record as a line of JSON.

    Args:
        destination: takes the lines.
        masker: of this installation's secrets.
    """

    def __init__(self, destination: Destination, masker: Masker) -> None:
        self._destination = destination
        self._masker = masker
        self.uncertain_records = destination.uncertain_lines

    async def take(self, records: Sequence[Record]) -> int:
        """Write all of them."""
        await self._destination.take([as_json(record, self._masker) for record in records])
        return records[-1].sequence

    async def close(self) -> None:
        """Close the destination."""
        await self._destination.close()


class Forwarder:
    """Passes the history on to one recipient. Records wait while it fails, and nothing waits for them.

    Args:
        history: where it is read.
        cursor: the position of the forwarding.
        recipient: takes the records.
        to: who that is, for the log; nothing secret.
        interval: seconds between two looks at the history.
    """

    def __init__(
        self, history: HistorySource, cursor: Cursor, recipient: Recipient, to: str, interval: float = _POLL_SECONDS
    ) -> None:
        self._history = history
        self._cursor = cursor
        self._recipient = recipient
        self._to = to
        self._is_gone = False
        self._work = RepeatedWork(f"forward the history to {to}", self._forward, interval=interval, failed=self._failed)

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
        if not self._is_gone:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(_CLOSING_SECONDS):
                    await self._forward_pages()
        await self._recipient.close()

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
        taken = await self._recipient.take(records)
        # Noted afterwards: a crash in between forwards records twice, and loses none.
        return await self._cursor.advance(taken)

    async def _rewind(self) -> None:
        """Go back by the records that the recipient may have lost, so that they are forwarded again."""
        try:
            await self._recipient.close()
            if self._recipient.uncertain_records and self._cursor.held:
                before = await self._cursor.position() - self._recipient.uncertain_records
                await self._cursor.advance(max(before, 0))
        except Exception as error:
            _log.warning("history_not_forwarded", to=self._to, why=f"{type(error).__name__}: {error}")

    def _failed(self, error: Exception, failures: int) -> float | None:
        if isinstance(error, RecipientGoneError):
            self._is_gone = True
            _log.error("recipient_gone", to=self._to, why=str(error))
            return None
        pause = backoff(failures, first=_FIRST_BACKOFF_SECONDS, longest=_MAX_BACKOFF_SECONDS)
        if isinstance(error, TakenLaterError):
            pause = max(pause, error.again_in)
        _log.warning(
            "history_not_forwarded", to=self._to, why=f"{type(error).__name__}: {error}", times=failures, again_in=pause
        )
        return pause


@asynccontextmanager
async def all_forwarding(forwarders: Sequence[Forwarder]) -> AsyncIterator[None]:
    """Let forwarders work until the end of the block; none of them waits for another to close.

    Args:
        forwarders: not started.
    """
    for forwarder in forwarders:
        await forwarder.__aenter__()
    try:
        yield
    finally:
        await asyncio.gather(*(forwarder.__aexit__(None, None, None) for forwarder in forwarders))
