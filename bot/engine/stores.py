"""What the engine and the conversation need of the store, which they must not import: one protocol for each noun."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.inbox import Event, Posted
from bot.domain.names import TargetName
from bot.domain.policies.lock import Lock, LockNotice
from bot.domain.runs.history import Entry, Head
from bot.domain.runs.request import Request
from bot.domain.runs.run import Run
from bot.domain.signatures.signature import Signature
from bot.domain.targets.dashboard import Viewer
from bot.domain.targets.overview import TargetOverview
from bot.engine.run_changes import CancelRequest, Change, Chunk, RunLease, RunSummary


class RunStore(Protocol):
    """Runs. Every write is one transaction, and the writes of a driver carry the token of its lease.

    Each change raises the `revision` of the run.
    """

    async def create(self, run: str, request: Request, at: datetime, entry: Entry) -> Run:
        """Create a run in state `queued` with its first record of history, or give the one of the same event.

        Raises:
            ValueError: the run of another event has this ID.
        """
        ...

    async def get(self, run: str) -> Run | None:
        """Read a run with its steps and votes."""
        ...

    async def recent(self, limit: int) -> tuple[Run, ...]:
        """Read the latest runs, newest first."""
        ...

    async def of_target(self, app: str, environment: str, limit: int) -> tuple[Run, ...]:
        """Read the latest runs on one target, newest first."""
        ...

    async def unfinished(self) -> tuple[RunSummary, ...]:
        """Read how the runs stand that have not ended, oldest first, without reading the runs."""
        ...

    async def awaiting_late_approval(self) -> tuple[str, ...]:
        """Name the runs that are still to be countersigned after an emergency, oldest first."""
        ...

    async def watched(self) -> tuple[str, ...]:
        """Name the runs after which the target is watched, the one that ends first first."""
        ...

    async def output(self, run: str) -> tuple[Chunk, ...]:
        """Read the stored output of a run by step, place, attempt and offset."""
        ...

    async def step_seconds(self, app: str, environment: str, key: str, limit: int) -> tuple[float, ...]:
        """Read how long the latest done attempts of a step took on a target, newest first."""
        ...

    async def write(self, lease: RunLease, changes: tuple[Change, ...], entries: tuple[Entry, ...] = ()) -> Run:
        """Apply changes and append records of history in one transaction, and read the run afterwards.

        Raises:
            LeaseLostError: the lease is no longer the run's latest.
            ValueError: a change of state that is not legal.
        """
        ...

    async def record(self, lease: RunLease, changes: tuple[Change, ...], entries: tuple[Entry, ...] = ()) -> None:
        """Apply changes and append records of history as `write` does, without reading the run afterwards."""
        ...

    async def request_cancel(self, run: str, user: str, at: datetime) -> bool:
        """Note and record that a user wants a run cancelled; False where it has ended or somebody else was first."""
        ...

    async def add_signature(self, run: str, signature: Signature) -> bool:
        """Keep and record a signature of a run's plan; False where the very same one is there."""
        ...

    async def touch(self, run: str) -> None:
        """Raise the revision of a run that waits at its gate, so that its driver reads the reactions."""
        ...


class LeaseStore(Protocol):
    """Leases on runs."""

    async def claim(self, run: str, owner: str, length: timedelta) -> RunLease | None:
        """Claim a run that has no owner or whose lease has run out, and raise its token; None where it has one."""
        ...

    async def renew(self, leases: tuple[RunLease, ...], length: timedelta) -> frozenset[RunLease]:
        """Extend leases; give those that are lost, as another owner has claimed the run."""
        ...

    async def release(self, lease: RunLease) -> None:
        """Release a lease; one that was lost stays as it is."""
        ...

    async def admit(self, lease: RunLease, now: datetime) -> bool:
        """Let a queued run begin if it is the first on its target, which it then has until it ends.

        One that was approved to begin at a time begins its change, not before that time, with a record of history;
        until then it is in nobody's way. Any other begins planning.
        """
        ...


class OverviewStore(Protocol):
    """The state of targets."""

    async def of_targets(self, targets: tuple[TargetName, ...]) -> tuple[TargetOverview, ...]:
        """Read overviews of targets, in their order."""
        ...

    async def latest_runs(self, targets: tuple[TargetName, ...], limit: int) -> tuple[Run, ...]:
        """Read the latest runs on some targets, newest first, without steps and votes."""
        ...

    async def releases(self, target: TargetName, limit: int) -> tuple[Run, ...]:
        """Read the latest ended runs that had begun to change the live release, newest first, without steps."""
        ...


class LockStore(Protocol):
    """Locks on targets, at most one on each."""

    async def lock(self, wanted: Lock) -> Lock:
        """Lock a target, with a record of history; give the lock that is on it now, which may be an earlier one."""
        ...

    async def unlock(self, lock: Lock, user: str, at: datetime, channel: str) -> bool:
        """Remove a lock, with a record of history; False where it is no longer there.

        A notice for its owner, to be posted in `channel`, is added in the same transaction where `user` is another.
        """
        ...

    async def all(self) -> tuple[Lock, ...]:
        """Read all locks, by target."""
        ...

    async def on_target(self, target: TargetName) -> Lock | None:
        """Read the lock on a target."""
        ...


class CancelRequestStore(Protocol):
    """Cancellations that were requested on the console."""

    async def waiting(self) -> tuple[CancelRequest, ...]:
        """Read those that are not carried out yet, oldest first."""
        ...

    async def remove(self, cancel_request: CancelRequest) -> None:
        """Remove one that was carried out."""
        ...


class HistoryStore(Protocol):
    """The append-only history."""

    async def append(self, entries: tuple[Entry, ...], at: datetime) -> None:
        """Append records that belong to no change of a run."""
        ...

    async def result_of(self, run: str) -> Head | None:
        """Give the first record with which a run ended or stopped for a person; None where there is none yet."""
        ...


class ScheduleClaimStore(Protocol):
    """The firings of schedules that have happened."""

    async def claim(self, schedule: str, fires_at: datetime, owner: str) -> bool:
        """Claim one firing; True for the first process that does."""
        ...


class LockNoticeStore(Protocol):
    """Notices for the owners of locks, stored until they are posted."""

    async def waiting(self) -> tuple[LockNotice, ...]:
        """Read the notices that are not posted yet, oldest first."""
        ...

    async def ask_about(self, lock: Lock, moment: datetime, channel: str) -> bool:
        """Add the question whether a lock is still needed; True for the first process that adds it for a moment."""
        ...

    async def mark_intended(self, notice: LockNotice) -> None:
        """Note that Slack is about to be asked to post a notice."""
        ...

    async def remove(self, notice: LockNotice) -> None:
        """Remove a notice that was posted, or never can be."""
        ...


class InboxStore(Protocol):
    """Events from outside, recorded before they are acknowledged."""

    async def receive(self, event: Event, seconds: float | None = None) -> bool:
        """Record an event; False where it was recorded before. Returns when it is committed.

        Args:
            event: what came.
            seconds: after which it must not be recorded any more; None where it is never too late.
        """
        ...

    async def waiting(self, limit: int) -> tuple[Event, ...]:
        """Read at most `limit` unsettled events of this process, oldest first."""
        ...

    async def settle(self, event: str) -> None:
        """Note that an event has had its effect."""
        ...


class MessageStore(Protocol):
    """The messages that Slack has of runs."""

    async def of_run(self, run: str) -> Mapping[str, Posted]:
        """Read the messages of a run, by slot."""
        ...

    async def save(self, posted: Posted) -> None:
        """Insert or replace a message."""
        ...

    async def cards(self, runs: frozenset[str]) -> Mapping[str, Posted]:
        """Read the posted cards of runs, by the run's ID."""
        ...

    async def find(self, channel: str, ts: str) -> Posted | None:
        """Find a message of a run by its place in Slack."""
        ...

    async def unpublished(self) -> tuple[str, ...]:
        """Name the runs that changed since `mark_published`, oldest change first."""
        ...

    async def mark_published(self, run: str, revision: int) -> None:
        """Note the revision up to which Slack shows a run; a lower one than noted before changes nothing."""
        ...


class HomeViewerStore(Protocol):
    """The people who opened the App Home."""

    async def opened_since(self, since: datetime) -> tuple[Viewer, ...]:
        """Read who opened it since an instant, the latest first."""
        ...

    async def save(self, viewer: Viewer) -> None:
        """Insert or replace a viewer."""
        ...
