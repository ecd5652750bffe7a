"""Verifying the whole history page by page, as it may be longer than memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass

from bot.domain.runs.history import Anchor, Break, ChainCheck, Fault, Head, Record
from bot.store.history.reader import HistoryReader

_PAGE = 500


@dataclass(frozen=True)
class HistoryVerdict:
    """The result of verifying the history.

    Args:
        checked: how many records hold, from the first on.
        head: the hash of the last one of them.
        found: the first break; None where the whole history holds.
        contradicted: the anchor that shows the break; None where the chain itself does, or nothing is broken.
        anchored: the anchor with the highest sequence among those that agree; None where there is none.
    """

    checked: int
    head: str
    found: Break | None
    contradicted: Anchor | None = None
    anchored: Anchor | None = None


async def verify(history: HistoryReader, anchors: Iterable[Anchor] = ()) -> HistoryVerdict:
    """Verify the whole history, also while it grows.

    Args:
        history: to verify.
        anchors: records that were noted apart, before the history is read. Whoever can write to the store can make a
            chain that holds in itself, but not one that agrees with them.
    """
    noted = _by_sequence(anchors)
    check = ChainCheck()
    end = Head(0, "")
    anchored: Anchor | None = None
    while True:
        async for record in records_after(history, check.checked):
            found = check.take(record)
            if found is not None:
                return HistoryVerdict(found.sequence - 1, record.before, found, None, anchored)
            for anchor in noted.get(record.sequence, ()):
                if anchor.head.hash != record.hash:
                    found = Break(record.sequence, Fault.REWRITTEN)
                    return HistoryVerdict(record.sequence - 1, record.before, found, anchor, anchored)
                anchored = anchor
        if check.checked < end.sequence:
            break  # the end was read before these records were, and they are missing
        end = await history.head()
        if end.sequence <= check.checked:
            break
    cut_off = noted[max(noted)][0] if noted and max(noted) > check.checked else None
    if cut_off is not None:
        return HistoryVerdict(check.checked, check.head, Break(check.checked + 1, Fault.CUT_OFF), cut_off, anchored)
    return HistoryVerdict(check.checked, check.head, check.end(end), None, anchored)


def _by_sequence(anchors: Iterable[Anchor]) -> Mapping[int, list[Anchor]]:
    noted: dict[int, list[Anchor]] = defaultdict(list)
    for anchor in anchors:
        noted[anchor.head.sequence].append(anchor)
    return noted


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
