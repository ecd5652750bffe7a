"""The reading side of the store: all that `countersign runs` can do with it."""

from __future__ import annotations

from bot.domain.inbox import Event
from bot.domain.store_counts import StoreCounts
from bot.store.history.reader import HistoryReader
from bot.store.operations import StoreOperations, read
from bot.store.runs import cancel_requests, output, overviews, queries
from bot.store.sql.database import Database
from bot.store.tables import counts, home_viewers, inbox, leader_leases, lock_notices, locks, messages


class RunReader(StoreOperations):
    """Reads runs."""

    get = read(queries.run_by_id)
    recent = read(queries.recent)
    of_target = read(queries.of_target)
    unfinished = read(queries.unfinished)
    awaiting_late_approval = read(queries.awaiting_late_approval)
    watched = read(queries.watched)
    output = read(output.of_run)
    step_seconds = read(queries.step_seconds)


class Overviews(StoreOperations):
    """Reads how targets stand."""

    of_targets = read(overviews.of_targets)
    latest_runs = read(overviews.latest_runs)
    releases = read(overviews.releases)


class CancelRequestReader(StoreOperations):
    """Reads the cancellations that were requested on the console."""

    waiting = read(cancel_requests.waiting)


class LockReader(StoreOperations):
    """Reads locks."""

    all = read(locks.all_locks)
    on_target = read(locks.on_target)


class LockNoticeReader(StoreOperations):
    """Reads the notices that the owners of locks are still to get."""

    waiting = read(lock_notices.waiting)


class InboxReader(StoreOperations):
    """Reads the events that wait, and those that came lately."""

    latest = read(inbox.latest)

    async def waiting(self, limit: int) -> tuple[Event, ...]:
        """Read at most `limit` unsettled events, oldest first."""
        return await self._read(inbox.waiting, limit)


class MessageReader(StoreOperations):
    """Reads the messages that Slack has of runs."""

    of_run = read(messages.of_run)
    cards = read(messages.cards)
    find = read(messages.find)
    unpublished = read(messages.unpublished)


class HomeViewerReader(StoreOperations):
    """Reads who opened the App Home."""

    opened_since = read(home_viewers.opened_since)


class LeaderLeaseReader(StoreOperations):
    """Reads how far the work has come that one process does for all."""

    position = read(leader_leases.position)


class StoreReader:
    """Reads the store. Every operation is one transaction, and raises `StoreError` where the store cannot be used.

    Args:
        database: at the newest schema.
    """

    runs: RunReader
    overviews: Overviews
    cancel_requests: CancelRequestReader
    locks: LockReader
    lock_notices: LockNoticeReader
    inbox: InboxReader
    messages: MessageReader
    home_viewers: HomeViewerReader
    history: HistoryReader
    leader_leases: LeaderLeaseReader

    def __init__(self, database: Database) -> None:
        self._database = database
        self.runs = RunReader(database)
        self.overviews = Overviews(database)
        self.cancel_requests = CancelRequestReader(database)
        self.locks = LockReader(database)
        self.lock_notices = LockNoticeReader(database)
        self.inbox = InboxReader(database)
        self.messages = MessageReader(database)
        self.home_viewers = HomeViewerReader(database)
        self.history = HistoryReader(database)
        self.leader_leases = LeaderLeaseReader(database)

    async def counts(self) -> StoreCounts:
        """Count what the store holds."""
        return await self._database.read(counts.count)
