"""The inbox as `store.inbox`: events of Slack, recorded before they are acknowledged."""

from __future__ import annotations

import secrets
import time
from datetime import datetime
from functools import partial

from bot.domain.inbox import Event
from bot.engine.ports import Clock
from bot.store.lease import ProcessLease
from bot.store.reader import InboxReader
from bot.store.sql.database import Database
from bot.store.sql.group_commit import GroupCommit
from bot.store.sql.priority import Priority
from bot.store.sql.timestamps import to_micros
from bot.store.tables import inbox


class InboxWriter(InboxReader):
    """Records events, and hands each to one process.

    Args:
        database: at the newest schema.
        clock: the time.
        process_lease: of this process.
    """

    def __init__(self, database: Database, clock: Clock, process_lease: ProcessLease) -> None:
        super().__init__(database)
        self._clock = clock
        self._process_lease = process_lease
        self._receiving: GroupCommit[inbox.Delivery, bool] = GroupCommit(
            partial(database.write, priority=Priority.ACKNOWLEDGING),
            partial(inbox.receive, process_lease=process_lease),
        )
        self._settling: GroupCommit[str, None] = GroupCommit(
            partial(database.write, priority=Priority.LATER), inbox.settle
        )

    async def receive(self, event: Event, seconds: float | None = None) -> bool:
        """Record an event; False where it was recorded before. Returns when it is committed.

        Args:
            event: what came.
            seconds: after which no attempt to record it begins or is committed any more. A commit that was asked for
                before may take effect later: a server that hangs just then is not to be called back.

        Raises:
            ValueError: its ID is longer than 255 characters.
            LateError: that time is over, and it was not recorded.
        """
        if len(event.id) > inbox.MAX_EVENT_ID_LENGTH:
            raise ValueError(f"the ID of an event has at most {inbox.MAX_EVENT_ID_LENGTH} characters")
        until = None if seconds is None else time.monotonic() + seconds
        delivery = inbox.Delivery(event, secrets.token_hex(16), to_micros(self._clock.now()), until)
        return await self._receiving.submit(delivery)

    async def waiting(self, limit: int) -> tuple[Event, ...]:
        """Read at most `limit` unsettled events of this process, oldest first.

        In a shared store the events of processes that are gone are claimed first.
        """
        if self._process_lease.lease is None:
            return await super().waiting(limit)
        if await self._read(inbox.has_unowned):
            await self._write(Priority.LATER, inbox.claim_unowned, self._process_lease, limit)
        return await self._read(inbox.waiting_for, self._process_lease.owner, limit)

    async def settle(self, event: str) -> None:
        """Note that an event has had its effect."""
        await self._settling.submit(event)

    async def prune(self, before: datetime) -> int:
        """Forget the events that were settled before an instant; a later delivery of one of them is a new event.

        Returns:
            How many were forgotten.
        """
        return await self._write(Priority.WORKING, inbox.prune, to_micros(before))

    async def renew(self) -> None:
        """Renew the lease on the events that this process handles."""
        await self._write(Priority.LATER, inbox.renew, self._process_lease)

    async def release(self) -> None:
        """Give back the events that this process has not handled, so that others need not wait for its lease."""
        await self._write(Priority.WORKING, inbox.release, self._process_lease.owner)

    async def drain(self) -> None:
        """Wait until every submitted event is committed."""
        await self._receiving.drain()
        await self._settling.drain()
