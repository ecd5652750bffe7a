"""The store: the bot's memory of runs, locks, events and messages."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import structlog

from bot.background import RepeatedWork
from bot.domain.errors import OutageError
from bot.domain.policies.lock import Lock
from bot.domain.runs.history import Entry
from bot.domain.runs.run import Run
from bot.engine.ports import Clock
from bot.engine.run_changes import Change, RunLease
from bot.store.bring_up import bring_up
from bot.store.history.reader import HistoryWriter
from bot.store.inbox import InboxWriter
from bot.store.lease import SHARED_LEASE, ProcessLease
from bot.store.operations import StoreOperations, write
from bot.store.reader import (
    CancelRequestReader,
    HomeViewerReader,
    LeaderLeaseReader,
    LockNoticeReader,
    LockReader,
    MessageReader,
    RunReader,
    StoreReader,
)
from bot.store.runs import cancel_requests, create, leases, signatures, update
from bot.store.shared import open_shared
from bot.store.sql import engines, upgrade
from bot.store.sql.database import Database
from bot.store.sql.errors import StoreError
from bot.store.sql.group_commit import GroupCommit
from bot.store.sql.priority import Priority
from bot.store.sql.process_lock import process_lock
from bot.store.tables import home_viewers, leader_leases, lock_notices, locks, messages, replicas, schedule_claims
from bot.store.watch import StoreWatch

_RENEWALS = 3
"""How often a lease is renewed in its length."""

_log = structlog.get_logger()


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Give the time now, in UTC."""
        return datetime.now(UTC)


class RunWriter(RunReader):
    """Creates and changes runs.

    Args:
        database: at the newest schema.
        clock: gives the time of records of history.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database)
        self._clock = clock
        self._recording: GroupCommit[update.RunRecord, None] = GroupCommit(database.write, update.record_together)

    create = write(create.create)
    request_cancel = write(leases.request_cancel)
    touch = write(leases.touch)
    add_signature = write(signatures.add)

    async def write(self, lease: RunLease, changes: tuple[Change, ...], entries: tuple[Entry, ...] = ()) -> Run:
        """Apply changes and append records of history in one transaction, and read the run afterwards.

        Raises:
            LeaseLostError: the lease is no longer the run's latest.
            ValueError: a change of state that is not legal.
        """
        return await self._write(Priority.WORKING, update.apply, lease, changes, entries, self._clock.now())

    async def record(self, lease: RunLease, changes: tuple[Change, ...], entries: tuple[Entry, ...] = ()) -> None:
        """Apply changes and append records of history as `write` does, without reading the run afterwards.

        Several that are recorded at once, of one run or of many, share a commit; what one of them fails with is its
        own alone. Returns when it is committed.

        Raises:
            LeaseLostError: the lease is no longer the run's latest.
            ValueError: a change of state that is not legal.
        """
        await self._recording.complete(update.RunRecord(lease, changes, entries, self._clock.now()))

    async def drain(self) -> None:
        """Wait until everything that was to be recorded is committed."""
        await self._recording.drain()


class RunLeases(StoreOperations):
    """Decides which process drives a run, and which run has a target."""

    claim = write(leases.claim)
    renew = write(leases.renew)
    release = write(leases.release)
    admit = write(leases.admit)


class CancelRequests(CancelRequestReader):
    """Reads and removes the cancellations that were requested on the console."""

    remove = write(cancel_requests.remove)


class Locks(LockReader):
    """Locks targets and unlocks them."""

    lock = write(locks.lock)
    unlock = write(locks.unlock)


class LockNotices(LockNoticeReader):
    """Holds the notices for the owners of locks until they are posted.

    Args:
        database: at the newest schema.
        owner: the name of this process.
    """

    def __init__(self, database: Database, owner: str) -> None:
        super().__init__(database)
        self._owner = owner

    async def ask_about(self, lock: Lock, moment: datetime, channel: str) -> bool:
        """Add the question whether a lock is still needed; True for the first process that adds it for a moment."""
        return await self._write(Priority.WORKING, lock_notices.ask_about, lock, moment, channel, self._owner)

    mark_intended = write(lock_notices.mark_intended)
    remove = write(lock_notices.remove)


class Messages(MessageReader):
    """Notes which messages Slack has of runs."""

    save = write(messages.save, Priority.LATER)
    mark_published = write(messages.mark_published, Priority.LATER)


class HomeViewers(HomeViewerReader):
    """Notes who opened the App Home."""

    save = write(home_viewers.save, Priority.LATER)


class ScheduleClaims(StoreOperations):
    """Lets each firing of a schedule happen once."""

    claim = write(schedule_claims.claim)


class LeaderLeases(LeaderLeaseReader):
    """Decides which process does what only one may do at a time.

    Args:
        database: at the newest schema.
        process_lease: of this process.
    """

    def __init__(self, database: Database, process_lease: ProcessLease) -> None:
        super().__init__(database)
        self._process_lease = process_lease

    async def acquire(self, name: str) -> bool:
        """Acquire or renew a lease; say whether this process has it now."""
        process = self._process_lease
        return await self._write(Priority.WORKING, leader_leases.acquire, name, process.owner, process.lease)

    async def advance(self, name: str, position: int) -> bool:
        """Note how far the work has come; False where another process has the lease now."""
        return await self._write(Priority.LATER, leader_leases.advance, name, self._process_lease.owner, position)

    async def release(self) -> None:
        """Release every lease of this process, so that others need not wait for it to run out."""
        await self._write(Priority.WORKING, leader_leases.release_owned, self._process_lease.owner)


class Replicas(StoreOperations):
    """Knows whether other processes share the store.

    Args:
        database: at the newest schema.
        process_lease: of this process.
    """

    def __init__(self, database: Database, process_lease: ProcessLease) -> None:
        super().__init__(database)
        self.others = 0
        """How many other processes lived when the store was last asked."""
        self._process_lease = process_lease

    async def announce(self) -> None:
        """Note that this process lives, and ask for others."""
        self.others = await self._write(Priority.LATER, replicas.announce, self._process_lease)

    async def leave(self) -> None:
        """Note that this process ends."""
        await self._write(Priority.LATER, replicas.leave, self._process_lease.owner)


class SqlStore(StoreReader):
    """The store of the process that owns it, or shares it with other replicas. `open_store` makes it.

    Args:
        database: at the newest schema.
        clock: gives the time of records that come without one.
        process_lease: of this process.
        where: the store, without its password.
    """

    runs: RunWriter
    cancel_requests: CancelRequests
    locks: Locks
    lock_notices: LockNotices
    inbox: InboxWriter
    messages: Messages
    home_viewers: HomeViewers
    history: HistoryWriter
    leader_leases: LeaderLeases

    def __init__(self, database: Database, clock: Clock, process_lease: ProcessLease, where: str) -> None:
        super().__init__(database)
        self.process_lease = process_lease
        self.watch = StoreWatch(database, where)
        self.runs = RunWriter(database, clock)
        self.leases = RunLeases(database)
        self.cancel_requests = CancelRequests(database)
        self.locks = Locks(database)
        self.lock_notices = LockNotices(database, process_lease.owner)
        self.inbox = InboxWriter(database, clock, process_lease)
        self.messages = Messages(database)
        self.home_viewers = HomeViewers(database)
        self.schedule_claims = ScheduleClaims(database)
        self.leader_leases = LeaderLeases(database, process_lease)
        self.history = HistoryWriter(database)
        self.replicas = Replicas(database, process_lease)

    @property
    def answers(self) -> bool:
        """Whether the store answered lately."""
        return self.watch.answers

    @property
    def others_live(self) -> bool:
        """Whether other replicas lived when the store was last asked."""
        return self.replicas.others > 0

    def replica_count(self) -> int:
        """Return how many processes shared the store when it was last asked, this one included."""
        return 1 + self.replicas.others

    async def renew(self) -> None:
        """Renew what this process holds in a shared store."""
        await self.replicas.announce()
        await self.inbox.renew()

    async def release(self) -> None:
        """Release what this process holds in a shared store."""
        with contextlib.suppress(StoreError):
            await self.inbox.release()
            await self.leader_leases.release()
            await self.replicas.leave()

    async def drain(self) -> None:
        """Wait until every write that was asked for is committed."""
        await self.inbox.drain()
        await self.runs.drain()
        await self._database.drain()


@asynccontextmanager
async def open_store(url: str, clock: Clock | None = None) -> AsyncIterator[SqlStore]:
    """Open the store as its owner, at the newest schema, and close it at the end of the block.

    An SQLite store belongs to one process at a time, so the leases of an earlier process are released here.
    On a server several processes share the store, and such leases run out by themselves.

    Args:
        url: STORE_URL.
        clock: gives the time of records that come without one; the machine's by default.

    Raises:
        StoreLockedError: another process has the SQLite store; says which.
        StoreError: the URL, the file or the server cannot be used, or a newer version made the store.
    """
    parsed = engines.parse(url)
    alone = engines.is_sqlite(parsed)
    async with AsyncExitStack() as stack:
        if alone:
            engines.prepare_file(parsed)
            stack.enter_context(process_lock(engines.sqlite_path(parsed)))
        database = engines.owner_database(parsed)
        stack.push_async_callback(database.close)
        owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        process_lease = ProcessLease(owner, None if alone else SHARED_LEASE)
        if alone:
            await database.prepare(partial(upgrade.upgrade, where=engines.shown(parsed)))
            await database.write(leases.release_all)
            await database.write(leader_leases.release_all)
        else:
            await bring_up(database, engines.shown(parsed), process_lease)
        store = SqlStore(database, clock or SystemClock(), process_lease, engines.shown(parsed))
        if not alone:
            stack.push_async_callback(store.release)
        stack.push_async_callback(store.drain)
        if not alone:
            await store.replicas.announce()
            seconds = SHARED_LEASE.total_seconds() / _RENEWALS
            await stack.enter_async_context(
                RepeatedWork("renew what this replica holds", store.renew, interval=seconds, failed=_not_renewed)
            )
        await stack.enter_async_context(store.watch)
        yield store


def _not_renewed(error: Exception, failures: int) -> float:
    # Another process that claims the events handles them again, which does no harm.
    if not isinstance(error, OutageError):
        _log.warning("inbox_not_renewed", times=failures, why=f"{type(error).__name__}: {error}")
    return SHARED_LEASE.total_seconds() / _RENEWALS


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
