"""The store: the bot's memory of runs, events and messages."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from bot.domain.inbox import Event, Posted
from bot.domain.policies.lock import Lock, LockNotice
from bot.domain.runs.history import Entry
from bot.domain.runs.request import Request
from bot.domain.runs.run import Run
from bot.domain.targets.dashboard import Viewer
from bot.engine.ports import Clock
from bot.engine.stores import (
    CancelRequest,
    Change,
    HomeStore,
    InboxStore,
    LockNoticeStore,
    LockStore,
    MessageStore,
    RunLease,
    RunStore,
)
from bot.store.history import log
from bot.store.lease import SHARED_LEASE, ProcessLease
from bot.store.reader import StoreReader
from bot.store.runs import cancel_requests, create, leases
from bot.store.runs.update import apply, record
from bot.store.shared import open_shared
from bot.store.sql import engines, upgrade
from bot.store.sql.database import Database
from bot.store.sql.errors import StoreError
from bot.store.sql.group_commit import GroupCommit
from bot.store.sql.priority import Priority
from bot.store.sql.process_lock import process_lock
from bot.store.sql.timestamps import rfc3339, to_micros
from bot.store.tables import home_viewers, inbox, leader_leases, lock_notices, locks, messages, schedule_claims


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Give the time now, in UTC."""
        return datetime.now(UTC)


class SqlStore(StoreReader, RunStore, LockStore, LockNoticeStore, InboxStore, MessageStore, HomeStore):
    """The store on SQL. Each method is one transaction.

    A cancelled write is carried to its end before the cancellation goes on. Every method raises `StoreError` where
    the store cannot be used. `open_store` makes it.

    Args:
        database: where it lies; at the newest schema.
        clock: gives the instants of records that come without one.
        process_lease: of this process.
    """

    def __init__(self, database: Database, clock: Clock, process_lease: ProcessLease) -> None:
        super().__init__(database)
        self._clock = clock
        self.process_lease = process_lease
        self._receiving: GroupCommit[inbox.Delivery, bool] = GroupCommit(
            partial(database.write, priority=Priority.ACKNOWLEDGING),
            partial(inbox.receive, process_lease=process_lease),
        )
        self._settling: GroupCommit[str, None] = GroupCommit(
            partial(database.write, priority=Priority.LATER), inbox.settle
        )

    # ── runs ──

    async def create(self, run: str, request: Request, at: datetime, entry: Entry) -> Run:
        """Make a run in state `queued`, or give back the one that the request's event has made.

        Raises:
            ValueError: another event's run has this ID; choose another.
        """
        return await self._database.write(partial(create.create, run=run, request=request, at=at, entry=entry))

    async def claim(self, run: str, owner: str, lease: timedelta) -> RunLease | None:
        """Claim a run that nobody holds or whose lease has run out on the database's clock; None where one may not."""
        return await self._database.write(partial(leases.claim, run=run, owner=owner, length=lease))

    async def renew(self, lease: RunLease, length: timedelta) -> None:
        """Hold on to a claim.

        Raises:
            Overtaken: somebody else has it.
        """
        await self._database.write(partial(leases.renew, lease=lease, length=length))

    async def release(self, lease: RunLease) -> None:
        """Give a claim back; nothing happens where it is already somebody else's."""
        await self._database.write(partial(leases.release, lease=lease))

    async def admit(self, lease: RunLease, at: datetime) -> bool:
        """Let a queued run begin planning if it is the first on its target, holding the target until it ends.

        Raises:
            Overtaken: somebody else has the run.
        """
        del at  # the state says all; the engine tells the history in words of its own
        return await self._database.write(partial(leases.admit, lease=lease))

    async def write(self, lease: RunLease, changes: tuple[Change, ...], entries: tuple[Entry, ...] = ()) -> Run:
        """Apply changes and append records of history, in one transaction; a move to the state it has is none.

        Raises:
            Overtaken: the lease is no longer the run's latest.
            ValueError: a change of state that is not legal.
        """
        return await self._database.write(
            partial(apply, lease=lease, changes=changes, entries=entries, at=self._clock.now())
        )

    async def record(self, lease: RunLease, changes: tuple[Change, ...], entries: tuple[Entry, ...] = ()) -> None:
        """Apply changes and append records as `write` does, without reading the run afterwards.

        Raises:
            Overtaken: the lease is no longer the run's latest.
            ValueError: a change of state that is not legal.
        """
        await self._database.write(partial(record, lease=lease, changes=changes, entries=entries, at=self._clock.now()))

    async def request_cancel(self, run: str, user: str, at: datetime) -> bool:
        """Note that somebody wants a run cancelled; true where it had not ended and nobody had asked before."""
        return await self._database.write(partial(leases.request_cancel, run=run, user=user, at=at))

    async def touch(self, run: str) -> None:
        """Raise the revision of a run that waits at its gate, so that whoever drives it looks again."""
        await self._database.write(partial(leases.touch, run=run))

    async def append(self, entries: tuple[Entry, ...], at: datetime) -> None:
        """Append records that belong to no claim."""
        await self._database.write(partial(log.append, entries=entries, at=rfc3339(at)))

    async def claim_schedule(self, schedule: str, fires_at: datetime, owner: str) -> bool:
        """Claim one firing of a schedule; true for the first who does, in whatever process."""
        return await self._database.write(
            partial(schedule_claims.claim, schedule=schedule, fires_at=fires_at, owner=owner)
        )

    async def cancel_request_taken(self, cancel_request: CancelRequest) -> None:
        """Note that what the console asked for is done."""
        await self._database.write(partial(cancel_requests.taken, cancel_request=cancel_request))

    # ── locks ──

    async def lock(self, wanted: Lock) -> Lock:
        """Lock a target; give the lock that is on it now, which is an earlier one where there was one."""
        return await self._database.write(partial(locks.lock, wanted=wanted))

    async def unlock(self, lock: Lock, user: str, at: datetime, channel: str) -> bool:
        """Take a lock off its target; true for the one caller who took it off, false where it is on it no more.

        Where it was somebody else's, that they are to be told in this channel is remembered in the same transaction.
        """
        return await self._database.write(partial(locks.unlock, lock=lock, user=user, at=at, channel=channel))

    async def ask_about_lock(self, lock: Lock, moment: datetime, channel: str) -> bool:
        """Remember to ask the owner of a lock whether it is still needed; once for each moment, true for the first."""
        asked = partial(lock_notices.ask, lock=lock, moment=moment, channel=channel, owner=self.process_lease.owner)
        return await self._database.write(asked)

    async def lock_notice_intended(self, notice: LockNotice) -> None:
        """Note that Slack is about to be asked to post it."""
        await self._database.write(partial(lock_notices.intend, notice=notice))

    async def lock_notice_told(self, notice: LockNotice) -> None:
        """Forget it: it was told, or never can be."""
        await self._database.write(partial(lock_notices.forget, notice=notice))

    # ── events ──

    async def receive(self, event: Event) -> bool:
        """Record an event; false where it was recorded before. Returns when it is committed.

        Raises:
            ValueError: its ID is longer than 255 characters.
        """
        if len(event.id) > inbox.LONGEST_EVENT_ID:
            raise ValueError(f"the ID of an event has at most {inbox.LONGEST_EVENT_ID} characters")
        delivery = inbox.Delivery(event, secrets.token_hex(16), to_micros(self._clock.now()))
        return await self._receiving.submit(delivery)

    async def waiting(self, limit: int) -> tuple[Event, ...]:
        """Read the events that this process is to handle, oldest first.

        Where it shares the store, it takes those that nobody handles: their process is gone.
        """
        if self.process_lease.lease is None:
            return await super().waiting(limit)
        if await self._database.read(inbox.has_free):
            await self._database.write(
                partial(inbox.take_free, process_lease=self.process_lease, limit=limit), Priority.LATER
            )
        return await self._database.read(partial(inbox.waiting_for, owner=self.process_lease.owner, limit=limit))

    async def settle(self, event: str) -> None:
        """Note that an event has had its effect."""
        await self._settling.submit(event)

    async def prune(self, before: datetime) -> int:
        """Forget events that were settled before an instant. They are then no longer known when delivered again.

        Returns:
            How many were forgotten.
        """
        return await self._database.write(partial(inbox.prune, before=to_micros(before)))

    # ── duties ──

    async def hold_duty(self, name: str) -> bool:
        """Take a duty that nobody has, or hold on to it; say whether it is this process's now."""
        held = partial(leader_leases.hold, name=name, owner=self.process_lease.owner, length=self.process_lease.lease)
        return await self._database.write(held)

    async def duty_position(self, name: str) -> int:
        """Read how far a duty has come; 0 where it was never held."""
        return await self._database.read(partial(leader_leases.position, name=name))

    async def advance_duty(self, name: str, position: int) -> bool:
        """Note how far a duty has come; false where it is another process's now."""
        return await self._database.write(
            partial(leader_leases.advance, name=name, owner=self.process_lease.owner, position=position), Priority.LATER
        )

    async def keep(self, seconds: float) -> None:
        """Hold on to the events that this process handles, again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(seconds)
            with contextlib.suppress(StoreError):  # whoever takes them handles them again, which does no harm
                await self._database.write(partial(inbox.hold_on, process_lease=self.process_lease), Priority.LATER)

    async def leave(self) -> None:
        """Give back what this process held for itself, so that others need not wait for its leases."""
        with contextlib.suppress(StoreError):
            await self._database.write(partial(inbox.let_go, owner=self.process_lease.owner))
            await self._database.write(partial(leader_leases.let_go, owner=self.process_lease.owner))

    # ── messages ──

    async def save_message(self, posted: Posted) -> None:
        """Insert or replace one message."""
        await self._database.write(partial(messages.save, posted=posted), Priority.LATER)

    async def saw_home(self, viewer: Viewer) -> None:
        """Note that somebody opened the App Home, or chose what it shows."""
        await self._database.write(partial(home_viewers.save, viewer=viewer), Priority.LATER)

    async def mark_published(self, run: str, revision: int) -> None:
        """Note up to which revision Slack agrees with a run; never goes back."""
        await self._database.write(partial(messages.mark_published, run=run, revision=revision), Priority.LATER)

    async def drain(self) -> None:
        """Wait until every write that was asked for is committed."""
        await self._receiving.drain()
        await self._settling.drain()
        await self._database.drain()


@asynccontextmanager
async def open_store(url: str, clock: Clock | None = None) -> AsyncIterator[SqlStore]:
    """Open the store as its owner, at the newest schema, and close it at the end of the block.

    An SQLite store belongs to one process at a time, so claims that an earlier process left are given back here.
    On a server several processes share the store, and such claims end with their lease.

    Args:
        url: STORE_URL.
        clock: gives the instants of records that come without one; the machine's by default.

    Raises:
        StoreLockedError: another process has the SQLite store; says which.
        StoreError: the URL, the file or the server cannot be used, or a newer version made the store.
    """
    parsed = engines.parse(url)
    async with AsyncExitStack() as stack:
        if engines.is_sqlite(parsed):
            engines.prepare_file(parsed)
            stack.enter_context(process_lock(engines.sqlite_path(parsed)))
        database = engines.owner_database(parsed)
        stack.push_async_callback(database.close)
        await database.prepare(partial(upgrade.upgrade, where=engines.shown(parsed)))
        alone = engines.is_sqlite(parsed)
        if alone:
            await database.write(leases.release_all)
            await database.write(leader_leases.let_go_all)
        process_lease = ProcessLease(
            f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}", None if alone else SHARED_LEASE
        )
        store = SqlStore(database, clock or SystemClock(), process_lease)
        if not alone:
            stack.push_async_callback(store.leave)
        stack.push_async_callback(store.drain)
        if not alone:
            keeping = asyncio.create_task(store.keep(SHARED_LEASE.total_seconds() / 3))
            stack.callback(keeping.cancel)
        yield store


@asynccontextmanager
async def open_readonly(url: str) -> AsyncIterator[StoreReader]:
    """Open the store for reading, also while its owner writes, and close it at the end of the block.

    Args:
        url: STORE_URL.

    Raises:
        StoreMissingError: there is no store yet.
        StoreError: the URL, the file or the server cannot be used, or the store is of another version.
    """
    async with open_shared(url, engines.reader_database) as database:
        yield StoreReader(database)
