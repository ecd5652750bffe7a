"""Tells one receiver of the events that it wants to hear of, in order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

import structlog

from bot.audit.forwarder import HistorySource
from bot.audit.webhooks.event import event_of
from bot.audit.webhooks.http import NotTakenError, ReceiverConnection
from bot.audit.webhooks.kinds import TELL, is_marked
from bot.domain.notifications import events_of
from bot.domain.runs.history import Record
from bot.domain.runs.run import Run
from bot.domain.secrets import Masker
from bot.domain.targets.receiver import Receiver, ReceiverKind

_REFUSED_FOR_GOOD = frozenset({400, 409, 422})
"""Statuses with which an API refuses what it will refuse tomorrow too: the next event must not wait for it."""

_PAGE = 500

_log = structlog.get_logger()


class Runs(Protocol):
    """Reads runs."""

    async def get(self, run: str) -> Run | None:
        """Read a run; None if there is none with this ID."""
        ...


def lease_name(receiver: Receiver) -> str:
    """Name the lease under which a receiver's position is stored: another URL is another receiver.

    Args:
        receiver: which.
    """
    told = f"{receiver.kind.value} {receiver.url} {' '.join(sorted(receiver.apps))}"
    return f"notify {hashlib.sha256(told.encode()).hexdigest()[:16]}"


class WebhookRecipient:
    """Takes records of the history, and tells a receiver of those that mean something to it.

    Args:
        receiver: who is told.
        runs: read for what a record does not say.
        connection: to the receiver.
        masker: of this installation's secrets.
    """

    uncertain_records = 0

    def __init__(self, receiver: Receiver, runs: Runs, connection: ReceiverConnection, masker: Masker) -> None:
        self._receiver = receiver
        self._runs = runs
        self._connection = connection
        self._masker = masker

    async def take(self, records: Sequence[Record]) -> int:
        """Tell of the first record that means something to the receiver; the position is noted behind each."""
        for record in records:
            names = [name for name in events_of(record) if name in self._receiver.events]
            if names and await self._tell(record, names):
                return record.sequence
        return records[-1].sequence

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    async def _tell(self, record: Record, names: Sequence[str]) -> bool:
        """Tell of a record; return whether the receiver was asked at all."""
        run = await self._runs.get(record.entry.run) if record.entry.run else None
        asked = False
        for name in names:
            event = event_of(record, name, run, self._masker)
            if self._receiver.apps and event.app not in self._receiver.apps:
                continue
            if self._receiver.kind is not ReceiverKind.WEBHOOK and not is_marked(event):
                continue
            asked = True
            try:
                await TELL[self._receiver.kind](event, self._receiver, self._connection.send)
            except NotTakenError as error:
                if self._receiver.kind is ReceiverKind.WEBHOOK or error.status not in _REFUSED_FOR_GOOD:
                    raise
                _log.error("event_refused", to=self._receiver.host, event_id=event.id, why=str(error))
        return asked


async def events_behind(history: HistorySource, receiver: Receiver, position: int) -> tuple[int, str]:
    """Count the events that a receiver has not been told of.

    Args:
        history: where they are.
        receiver: which; what its apps leave out is counted too.
        position: sequence of the last record that it was told of.

    Returns:
        Their number, and when the oldest happened (RFC 3339; empty without one).
    """
    number, oldest = 0, ""
    while records := await history.page_after(position, _PAGE):
        for record in records:
            found = [name for name in events_of(record) if name in receiver.events]
            number += len(found)
            oldest = oldest or (record.at if found else "")
        position = records[-1].sequence
    return number, oldest
