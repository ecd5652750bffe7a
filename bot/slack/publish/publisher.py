"""Keeps Slack in agreement with the store. A crash, a 429 or an outage costs freshness and nothing else."""

from __future__ import annotations

import asyncio
import logging
import time

from bot.background import RepeatedWork, TaskSet, backoff, wait_for
from bot.slack.context import SlackContext
from bot.slack.publish.run_sync import RunSync, SyncResult
from bot.slack.transport.gateway import SlackBusyError, SlackRefusedError, SlackUncertainError

_log = logging.getLogger(__name__)

_POLL_SECONDS = 1.0
"""Interval at which the store is asked which runs changed: only there are changes by other processes noticed."""

_SYNC_SECONDS = 15.0
"""How long a sync is left alone that may be the very one that publishes what the store has; then it begins anew."""

_MIN_SYNC_SECONDS = 0.4
"""Least time between two syncs of one run in one state, so that a burst of changes becomes one edit."""

_RETRY_SECONDS = 1.0
_MAX_RETRY_SECONDS = 60.0


class Publisher:
    """Follows each changed run in a task of its own, so that one that Slack refuses does not hold up the others.

    Implements `bot.engine.ports.RunObserver`. Without the leadership nothing is published: another process does it.

    Args:
        context: what the conversation shares.
        run_sync: makes Slack agree with one run, once.
    """

    def __init__(self, context: SlackContext, run_sync: RunSync) -> None:
        self._context = context
        self._run_sync = run_sync
        self._is_open = False
        self._followers = TaskSet()
        self._changes: dict[str, asyncio.Event] = {}
        self._syncing: dict[str, float] = {}
        self._unsynced: set[str] = set()
        self._all_synced = asyncio.Event()
        self._all_synced.set()
        self._poll = RepeatedWork("publisher", self._follow_changed, interval=_POLL_SECONDS, failed=_unreadable)

    def start(self) -> None:
        """Begin with the runs that changed while nobody published."""
        self._is_open = True
        self._poll.wake()
        self._poll.start()

    def run_changed(self, run: str) -> None:
        """Publish a run soon; returns at once."""
        if not self._is_open or not self._context.leadership.held:
            return  # found in the store at the start, and by the process that has the leadership
        self._unsynced.add(run)
        self._all_synced.clear()
        changed = self._changes.get(run)
        if changed is not None:
            changed.set()
            return
        self._changes[run] = asyncio.Event()
        self._followers.start(self._follow(run), f"publish {run}")

    @property
    def unsynced_runs(self) -> int:
        """Number of runs that Slack does not agree with yet."""
        return len(self._unsynced)

    async def drain(self, seconds: float) -> bool:
        """Wait until Slack agrees with every run, for at most `seconds`; return whether it does."""
        try:
            async with asyncio.timeout(seconds):
                if self._context.leadership.held:
                    await self._follow_changed()
                    await self._all_synced.wait()
        except TimeoutError:
            return False
        return True

    async def aclose(self) -> None:
        """End every task. What was not published is published at the next start."""
        self._is_open = False
        await self._poll.aclose()
        await self._followers.aclose()

    def _synced(self, run: str) -> None:
        self._unsynced.discard(run)
        if not self._unsynced:
            self._all_synced.set()

    async def _follow_changed(self) -> None:
        if self._context.leadership.held:
            for run in await self._context.messages.unpublished():
                if self._syncing.get(run, -_SYNC_SECONDS) + _SYNC_SECONDS <= time.monotonic():
                    self.run_changed(run)

    async def _follow(self, run: str) -> None:
        changed = self._changes[run]
        failures = 0
        try:
            while self._context.leadership.held:
                changed.clear()
                self._syncing[run] = time.monotonic()
                try:
                    result = await self._run_sync.sync(run, changed)
                except SlackBusyError as busy:
                    await asyncio.sleep(busy.seconds)
                    continue
                except (SlackRefusedError, SlackUncertainError) as error:
                    failures += 1
                    _log.warning("Slack does not show a run yet", extra={"run": run, "error": str(error)})
                    await _pause_after(failures)
                    continue
                except Exception:
                    failures += 1
                    _log.exception("a run could not be published", extra={"run": run})
                    await _pause_after(failures)
                    continue
                finally:
                    self._syncing.pop(run, None)
                failures = 0
                if result.in_sync and not changed.is_set():
                    self._synced(run)
                    if result.ended:
                        self._run_sync.forget(run)
                        return
                await self._gather_changes(run, changed, result)
                await wait_for(changed, max(result.again - _MIN_SYNC_SECONDS, 0))
            self._synced(run)  # from now on it is the concern of the process that has the leadership
        finally:
            self._changes.pop(run, None)

    async def _gather_changes(self, run: str, changed: asyncio.Event, result: SyncResult) -> None:
        """Let changes gather, unless the run enters another state: that is what people wait for."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _MIN_SYNC_SECONDS
        has_changed = False
        while (left := until - loop.time()) > 0:
            if not await wait_for(changed, left):
                break
            has_changed = True
            changed.clear()
            try:
                current = await self._context.engine.get(run)
            except Exception:
                _log.exception("cannot read a run", extra={"run": run})
                break
            if current is None or current.state is not result.state:
                break
        if has_changed:
            changed.set()


async def _pause_after(failures: int) -> None:
    await asyncio.sleep(backoff(failures, first=_RETRY_SECONDS, longest=_MAX_RETRY_SECONDS))


def _unreadable(error: Exception, failures: int) -> float:
    _log.error("cannot read which runs changed", exc_info=error, extra={"times": failures})
    return _POLL_SECONDS
