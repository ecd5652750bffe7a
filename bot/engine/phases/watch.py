"""Watching a target for a while after a change went through. It looks, and tells; it never acts."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.background import TaskSet
from bot.domain.errors import OutageError, RefusedError
from bot.domain.runs.history import Entry
from bot.domain.runs.request import Action
from bot.domain.runs.run import Run, RunState
from bot.domain.runs.watching import Sighting, Watched, Watching, WatchState
from bot.domain.targets.overview import CHANGING
from bot.domain.targets.target import Target
from bot.engine.context import EngineContext
from bot.engine.run_changes import LeaseLostError, WatchIs
from bot.engine.run_session import RunSession

_INTERVAL = 8.0
"""Seconds between two looks at a target."""

_LEASE = timedelta(seconds=45)
"""Longer than a look takes: one replica looks at a time."""

_RECENT = 5
"""Latest runs of the target among which one may have begun to change it."""

_WATCHED = frozenset({Action.DEPLOY, Action.ROLLBACK})

_log = structlog.get_logger()


def watch_after(run: Run, target: Target, now: datetime) -> tuple[WatchIs, ...]:
    """Give the change by which a run that went through is watched; none where nothing is to be watched.

    Args:
        run: that ends now.
        target: of the run.
        now: with a time zone.
    """
    watch = target.watch
    if watch is None or run.request.action not in _WATCHED or not run.changed_anything:
        return ()
    return (WatchIs(Watching(now + watch.length)),)


class Watches:
    """Looks at the targets that are watched after a run.

    Args:
        context: the engine's ports.
    """

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._due: dict[str, float] = {}
        self.looks = TaskSet()

    async def look(self) -> None:
        """Begin the looks that are due; returns at once, as a host may be slow to answer."""
        watched = await self._context.runs.watched()
        now = time.monotonic()
        self._due = {run: self._due.get(run, now) for run in watched}
        for run, due in self._due.items():
            if now >= due:
                self._due[run] = now + _INTERVAL
                self.looks.start(self._look_at(run), f"watch {run}")

    async def _look_at(self, name: str) -> None:
        lease = await self._context.leases.claim(name, self._context.owner, _LEASE)
        if lease is None:
            return
        try:
            run = await self._context.runs.get(name)
            if run is None or run.watching is None or run.watching.state is not WatchState.WATCHING:
                return
            target = self._context.operations.targets.get(run.request.target)
            if target is None or target.watch is None:
                # No longer in the operations file: there is nothing to look at, and nobody to say so.
                watching = run.watching.seen((), max(self._context.clock.now(), run.watching.until))
                await self._context.runs.write(lease, (WatchIs(watching),))
                return
            session = RunSession(self._context, lease, target, asyncio.Event(), asyncio.Event())
            await self._watch(session, run, run.watching)
        except (LeaseLostError, OutageError):
            return
        except Exception:
            _log.exception("watch_failed", run=name)
        finally:
            await self._context.leases.release(lease)

    async def _watch(self, session: RunSession, run: Run, before: Watching) -> None:
        successor = await self._successor(run)
        if successor:
            after = before.superseded(successor, session.now())
        else:
            sightings = await self._sightings(session, run)
            masked = (replace(one, detail=session.context.masker.mask(one.detail)) for one in sightings)
            after = before.seen(tuple(masked), session.now())
        if after == before:
            return
        entries: tuple[Entry, ...] = ()
        if after.state is not WatchState.WATCHING:
            facts = {"state": after.state.value, "crossed": ", ".join(one.what.value for one in after.crossed)}
            entries = (session.entry("watch_ended", facts | {"successor": after.successor}),)
        await session.write(WatchIs(after), entries=entries)

    async def _successor(self, run: Run) -> str:
        """Name the run that began to change the target since; empty where none did."""
        latest = await self._context.overviews.latest_runs((run.request.target,), _RECENT)
        begun = (
            other.id
            for other in latest
            if other.id != run.id
            and other.request.action in CHANGING
            and other.state is not RunState.QUEUED
            and other.change_started_at is not None
            and run.ended_at is not None
            and other.change_started_at >= run.ended_at
        )
        return next(begun, "")

    async def _sightings(self, session: RunSession, run: Run) -> tuple[Sighting, ...]:
        watch, reader = session.target.watch, self._context.watch_reader
        if watch is None or reader is None:
            return ()
        plan = session.revealed(run.plan) if run.plan is not None else None
        try:
            return await reader.read(session.target, watch, run, plan)
        except RefusedError as refused:
            return (Sighting(Watched.LOG, None, refused.problem.reason.value),)
