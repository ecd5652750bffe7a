"""Verifying the whole history page by page, as it may be longer than memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from bot.domain.runs.history import Break, ChainCheck, Fault, Head, Record
from bot.store.history.reader import HistoryReader

_PAGE = 500


@dataclass(frozen=True)
class HistoryVerdict:
    """The result of verifying the history.

    Args:
        checked: how many records hold, from the first on.
        head: the hash of the last one of them.
        found: the first break; None where the whole history holds.
    """

    checked: int
    head: str
    found: Break | None


async def verify(history: HistoryReader, anchors: Mapping[int, str] | None = None) -> HistoryVerdict:
    """Verify the whole history, also while it grows.

    Args:
        history: to verify.
        anchors: hashes by sequence, from a copy of the history that was kept apart. Whoever can write to the store can
            make a chain that holds in itself, but not one that agrees with such a copy.
    """
    anchors = anchors or {}
    check = ChainCheck()
    end = Head(0, "")
    while True:
        async for record in records_after(history, check.checked):
            found = check.take(record)
            if found is None and anchors.get(record.sequence, record.hash) != record.hash:
                found = Break(record.sequence, Fault.REWRITTEN)
            if found is not None:
                return HistoryVerdict(found.sequence - 1, record.before, found)
        if check.checked < end.sequence:
            break  # the end was read before these records were, and they are missing
        end = await history.head()
        if end.sequence <= check.checked:
            break
    found = check.end(end)
    if found is None and max(anchors, default=0) > check.checked:
        found = Break(check.checked + 1, Fault.CUT_OFF)
    return HistoryVerdict(check.checked, check.head, found)


async def first_broken(history: HistoryReader) -> int | None:
    """Give the sequence of the first record that was changed, is missing or is out of place; None where all holds."""
    found = (await verify(history)).found
    return None if found is None else found.sequence


async def records_after(history: HistoryReader, sequence: int) -> AsyncIterator[Record]:
    """Read the records that follow a sequence one by one, to the last there is."""
    while page := await history.page_after(sequence, _PAGE):
        for record in page:
            yield record
        sequence = page[-1].sequence
