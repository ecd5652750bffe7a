"""Keeps Slack in agreement with the store. A crash, a 429 or an outage costs freshness and nothing else."""

from __future__ import annotations

import asyncio
import logging

from bot.engine.stores import MessageStore
from bot.slack.ports import EngineApi, Leadership
from bot.slack.publish.run_sync import RunSync, SyncResult
from bot.slack.transport.gateway import SlackBusyError, SlackRefusedError, SlackUncertainError

_log = logging.getLogger(__name__)

_POLL_SECONDS = 1.0
"""How often the store is asked what changed: what another process did is seen there alone."""

_LEAST_SECONDS = 0.4
"""The least time between two tellings of one run in one state, so that a burst of changes is one edit."""

_MAX_SECONDS = 60.0


class Publisher:
    """Follows runs, each in a task of its own, so that one that Slack refuses holds up no other.

    Implements `bot.engine.ports.RunObserver`.

    Args:
        run_sync: makes Slack agree with one run, once.
        messages: knows which runs changed since Slack agreed with them.
        duty: of telling Slack; without it nothing is told, as another process does.
    """

    def __init__(self, run_sync: RunSync, messages: MessageStore, duty: Leadership) -> None:
        self._run_sync = run_sync
        self._messages = messages
        self._duty = duty
        self._engine: EngineApi | None = None
        self._followers: dict[str, asyncio.Task[None]] = {}
        self._wakes: dict[str, asyncio.Event] = {}
        self._behind: set[str] = set()
        self._agreed = asyncio.Event()
        self._agreed.set()
        self._poller: asyncio.Task[None] | None = None

    def start(self, engine: EngineApi) -> None:
        """Begin with what changed while nobody published.

        Args:
            engine: where runs are read.
        """
        self._engine = engine
        self._poller = asyncio.create_task(self._poll(), name="publisher")

    def run_changed(self, run: str) -> None:
        """Take note that a run has changed; returns at once."""
        if self._engine is None or not self._duty.held:
            return  # whatever changed is found in the store, at the start and by whoever has the duty
        self._behind.add(run)
        self._agreed.clear()
        wake = self._wakes.get(run)
        if wake is not None:
            wake.set()
            return
        self._wakes[run] = asyncio.Event()
        self._followers[run] = asyncio.create_task(self._follow(self._engine, run), name=f"publish {run}")

    @property
    def behind(self) -> int:
        """How many runs Slack does not agree with yet."""
        return len(self._behind)

    async def drain(self, seconds: float) -> bool:
        """Wait until Slack agrees with every run, for so many seconds at most; say whether it does."""
        try:
            async with asyncio.timeout(seconds):
                if self._duty.held:
                    for run in await self._messages.unpublished():
                        self.run_changed(run)
                    await self._agreed.wait()
        except TimeoutError:
            return False
        return True

    async def aclose(self) -> None:
        """End every task. What was not told is told at the next start."""
        self._engine = None
        tasks = [*self._followers.values(), *([self._poller] if self._poller else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _agrees(self, run: str) -> None:
        self._behind.discard(run)
        if not self._behind:
            self._agreed.set()

    async def _poll(self) -> None:
        while True:
            try:
                if self._duty.held:
                    for run in await self._messages.unpublished():
                        self.run_changed(run)
            except Exception:
                _log.exception("cannot read which runs changed")
            await asyncio.sleep(_POLL_SECONDS)

    async def _follow(self, engine: EngineApi, run: str) -> None:
        wake = self._wakes[run]
        failures = 0
        try:
            while self._duty.held:
                wake.clear()
                try:
                    told = await self._run_sync.tell(engine, run)
                except SlackBusyError as busy:
                    await asyncio.sleep(busy.seconds)
                    continue
                except (SlackRefusedError, SlackUncertainError) as error:
                    failures += 1
                    _log.warning("Slack does not show a run yet", extra={"run": run, "error": str(error)})
                    await asyncio.sleep(_pause(failures))
                    continue
                except Exception:
                    failures += 1
                    _log.exception("a run could not be told", extra={"run": run})
                    await asyncio.sleep(_pause(failures))
                    continue
                failures = 0
                if told.agreed and not wake.is_set():
                    self._agrees(run)
                    if told.over:
                        self._run_sync.forget(run)
                        return
                await self._pause(engine, run, wake, told)
                await _wait(wake, max(told.again - _LEAST_SECONDS, 0))
            self._agrees(run)  # whether it does is another process's concern now
        finally:
            self._wakes.pop(run, None)
            self._followers.pop(run, None)

    async def _pause(self, engine: EngineApi, run: str, wake: asyncio.Event, told: SyncResult) -> None:
        """Let changes gather, unless the run comes to another state: that is what people wait for."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _LEAST_SECONDS
        changed = False
        while (left := until - loop.time()) > 0:
            await _wait(wake, left)
            if not wake.is_set():
                break
            changed = True
            wake.clear()
            try:
                found = await engine.get(run)
            except Exception:
                _log.exception("cannot read a run", extra={"run": run})
                break
            if found is None or found.state is not told.state:
                break
        if changed:
            wake.set()


async def _wait(wake: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await wake.wait()
    except TimeoutError:
        return


def _pause(failures: int) -> float:
    return float(min(2 ** min(failures - 1, 10), _MAX_SECONDS))
