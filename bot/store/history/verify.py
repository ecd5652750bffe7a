"""Checking that the whole history holds, page by page: it may be longer than memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.domain.runs.history import Break, ChainCheck, Fault, Head, Record

_PAGE = 500


class HistoryReader(Protocol):
    """Reads the history."""

    async def records(self, after: int, limit: int) -> tuple[Record, ...]:
        """Read the records that follow a sequence, in order."""
        ...

    async def head(self) -> Head:
        """Read where the history ends, as it was noted apart from its records."""
        ...


@dataclass(frozen=True)
class Verdict:
    """What checking came to.

    Args:
        checked: how many records hold, from the first on.
        head: the hash of the last one of them.
        found: where the history does not hold; None where it holds.
    """

    checked: int
    head: str
    found: Break | None


async def verify(history: HistoryReader, kept_elsewhere: Mapping[int, str] | None = None) -> Verdict:
    """Check the whole history, also while it grows.

    Args:
        history: where it is read.
        kept_elsewhere: hashes by sequence, from a copy of the history that was kept apart; who can write to the store
            can make a chain that holds in itself, but not one that agrees with such a copy.
    """
    apart = kept_elsewhere or {}
    check = ChainCheck()
    noted = Head(0, "")
    while True:
        async for record in records_after(history, check.checked):
            found = check.take(record)
            if found is None and apart.get(record.sequence, record.hash) != record.hash:
                found = Break(record.sequence, Fault.REWRITTEN)
            if found is not None:
                return Verdict(found.sequence - 1, record.before, found)
        if check.checked < noted.sequence:
            break  # they were noted before they were looked for, and are not there
        noted = await history.head()
        if noted.sequence <= check.checked:
            break
    found = check.end(noted)
    if found is None and max(apart, default=0) > check.checked:
        found = Break(check.checked + 1, Fault.CUT_OFF)
    return Verdict(check.checked, check.head, found)


async def records_after(history: HistoryReader, after: int) -> AsyncIterator[Record]:
    """Read the records that follow a sequence, one after the other, to the last there is."""
    while page := await history.records(after, _PAGE):
        for record in page:
            yield record
        after = page[-1].sequence
