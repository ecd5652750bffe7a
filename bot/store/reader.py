"""What can be read of the store; `countersign runs` gets this and nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from bot.domain.inbox import Event, Posted
from bot.domain.names import TargetName
from bot.domain.policies.lock import Lock, LockNotice
from bot.domain.runs.history import Head, Record
from bot.domain.runs.run import Run
from bot.domain.store_counts import Figures
from bot.domain.targets.dashboard import Viewer
from bot.domain.targets.overview import TargetOverview
from bot.engine.stores import CancelRequest, Chunk
from bot.store.history import log
from bot.store.history.verify import verify
from bot.store.runs import cancel_requests, output, overviews, queries
from bot.store.sql.database import Database
from bot.store.tables import counts, home_viewers, inbox, lock_notices, locks, messages


class StoreReader:
    """Reads the store. Each method is one transaction and raises `StoreError` where the store cannot be used.

    Args:
        database: where it lies.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, run: str) -> Run | None:
        """Read one run, whole."""
        return await self._database.read(partial(queries.run_by_id, run=run))

    async def recent(self, limit: int) -> tuple[Run, ...]:
        """Read the latest runs, newest first."""
        return await self._database.read(partial(queries.recent, limit=limit))

    async def of_target(self, app: str, environment: str, limit: int) -> tuple[Run, ...]:
        """Read the latest runs on one target, newest first."""
        return await self._database.read(partial(queries.of_target, app=app, environment=environment, limit=limit))

    async def unfinished(self) -> tuple[str, ...]:
        """Name the runs that have not ended, oldest first."""
        return await self._database.read(queries.unfinished)

    async def owing(self) -> tuple[str, ...]:
        """Name the runs that are still to be countersigned afterwards, oldest first."""
        return await self._database.read(queries.owing)

    async def overviews(self, targets: tuple[TargetName, ...]) -> tuple[TargetOverview, ...]:
        """Read how targets stand, in their order."""
        return await self._database.read(partial(overviews.overviews, targets=targets))

    async def latest(self, targets: tuple[TargetName, ...], limit: int) -> tuple[Run, ...]:
        """Read the latest runs on some targets, newest first, without steps and votes."""
        return await self._database.read(partial(overviews.latest_runs, targets=targets, limit=limit))

    async def petitions(self) -> tuple[CancelRequest, ...]:
        """Read what the console asked for and the bot has not taken yet, oldest first."""
        return await self._database.read(cancel_requests.waiting)

    async def every_lock(self) -> tuple[Lock, ...]:
        """Read all locks, by target."""
        return await self._database.read(locks.every_lock)

    async def lock_notices(self) -> tuple[LockNotice, ...]:
        """Read what the owners of locks are still to be told, oldest first."""
        return await self._database.read(lock_notices.waiting)

    async def releases(self, target: TargetName, limit: int) -> tuple[Run, ...]:
        """Read the latest runs that ended and had begun to change what is live, newest first, without steps."""
        return await self._database.read(partial(overviews.releases, target=target, limit=limit))

    async def lock_of(self, target: TargetName) -> Lock | None:
        """Read the lock that is on a target."""
        return await self._database.read(partial(locks.lock_of, target=target))

    async def output(self, run: str) -> tuple[Chunk, ...]:
        """Read what was kept of a run's output: by step, place, attempt and offset."""
        return await self._database.read(partial(output.of_run, run=run))

    async def step_seconds(self, app: str, environment: str, key: str, limit: int) -> tuple[float, ...]:
        """Read how long the latest done attempts of a step took on a target, newest first."""
        return await self._database.read(
            partial(queries.step_seconds, app=app, environment=environment, key=key, limit=limit)
        )

    async def history(self, run: str | None = None) -> tuple[Record, ...]:
        """Read the history, of one run or all, in order."""
        if run is None:
            return await self._database.read(log.records_of_all)
        return await self._database.read(partial(log.records_of_run, run=run))

    async def records(self, after: int, limit: int) -> tuple[Record, ...]:
        """Read the records of history that follow a sequence, in order."""
        return await self._database.read(partial(log.records_after, after=after, limit=limit))

    async def head(self) -> Head:
        """Read where the history ends, as it was noted apart from its records."""
        return await self._database.read(log.head)

    async def before(self, at: str) -> int:
        """Give the sequence after which the first record of an instant (RFC 3339 in UTC) or a later one follows."""
        return await self._database.read(partial(log.before, at=at))

    async def history_break(self) -> int | None:
        """Check the whole history.

        Returns:
            The sequence of the first record that was changed, is missing or is out of place; None where all holds.
        """
        found = (await verify(self)).found
        return None if found is None else found.sequence

    async def figures(self) -> Figures:
        """Count what the store holds."""
        return await self._database.read(counts.figures)

    async def waiting(self, limit: int) -> tuple[Event, ...]:
        """Read events that were not settled, oldest first."""
        return await self._database.read(partial(inbox.waiting, limit=limit))

    async def messages(self, run: str) -> Mapping[str, Posted]:
        """Read the messages of a run, by slot."""
        return await self._database.read(partial(messages.of_run, run=run))

    async def cards(self, runs: frozenset[str]) -> Mapping[str, Posted]:
        """Read the cards of runs, by the run; one that is not posted yet is missing."""
        return await self._database.read(partial(messages.cards, wanted=runs))

    async def viewers(self, since: datetime) -> tuple[Viewer, ...]:
        """Read who opened the App Home since an instant, the latest first."""
        return await self._database.read(partial(home_viewers.viewers, since=since))

    async def find_message(self, channel: str, ts: str) -> Posted | None:
        """Find which run's message this is."""
        return await self._database.read(partial(messages.find, channel=channel, ts=ts))

    async def unpublished(self) -> tuple[str, ...]:
        """Name the runs that changed since `mark_published`, oldest change first."""
        return await self._database.read(messages.unpublished)
