"""Keeps every unfinished run driven: starts drivers, sweeps for runs that nobody drives, and counts failures."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

import structlog

from bot.background import RepeatedWork, TaskSet, cancel
from bot.domain.errors import OutageError
from bot.domain.runs.run import Run, RunState
from bot.engine.context import EngineContext
from bot.engine.lease_keeper import LeaseKeeper
from bot.engine.phases.aftermath import Aftermath
from bot.engine.phases.late_approval import LateApprovals
from bot.engine.phases.watch import Watches
from bot.engine.run_changes import RunSummary
from bot.engine.run_driver import RunDriver

SWEEP_SECONDS = 3.0
"""Between two sweeps for runs that nobody drives: those of a crashed process, and those whose driver failed."""

_MAX_FAILURES = 3
"""Failures in a row of a run's driver, for an unforeseen reason, after which the run is given up."""

_log = structlog.get_logger()


@dataclass
class _Driving:
    """A driver at work.

    Args:
        driver: of a run.
        task: in which it drives.
    """

    driver: RunDriver
    task: asyncio.Task[None]


class Supervisor:
    """Drives runs, each by at most one driver of this process.

    Args:
        context: the engine's ports.
    """

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._driving: dict[str, _Driving] = {}
        self._failures: Counter[str] = Counter()
        self._lease_keeper = LeaseKeeper(context.leases)
        self._aftermath = Aftermath(context)
        self._late_approvals = LateApprovals(context)
        self._watches = Watches(context)
        self._touches = TaskSet()
        self._sweeping: RepeatedWork | None = None
        self.draining = False

    @property
    def driven(self) -> frozenset[str]:
        """The IDs of the runs that are driven now."""
        return frozenset(self._driving)

    async def start(self) -> None:
        """Pick up interrupted runs, and sweep from then on."""
        await self.sweep()
        self._sweeping = RepeatedWork("sweep", self.sweep, interval=SWEEP_SECONDS, failed=_sweep_failed)
        self._sweeping.start()

    async def drain(self) -> None:
        """Stop driving. What runs on hosts goes on there, and is picked up at the next start."""
        self.draining = True
        if self._sweeping is not None:
            await self._sweeping.aclose()
        await cancel(*(driving.task for driving in self._driving.values()), *self._aftermath.looks)
        await self._watches.looks.aclose()
        await self._lease_keeper.aclose()
        await self._touches.aclose()

    def drive(self, run: str) -> None:
        """Start a driver for a run that has none; one whose driver kept failing is given up instead."""
        if run in self._driving or self.draining:
            return
        driver = RunDriver(self._context, run)
        work = driver.drive(self._lease_keeper) if self._failures[run] < _MAX_FAILURES else driver.give_up()
        task = asyncio.create_task(work, name=f"run {run}")
        self._driving[run] = _Driving(driver, task)
        task.add_done_callback(lambda done: self._driver_ended(run, done))

    def wake(self, run: str) -> None:
        """Read the reactions to a run's request to approve soon, in whichever process drives it; returns at once."""
        self._late_approvals.wake(run)
        driving = self._driving.get(run)
        if driving is not None:
            driving.driver.reaction_heard()
        else:
            self._touches.start(self._touch(run), f"touch {run}")

    async def cancel(self, run: Run, actor: str) -> Run:
        """Cancel a run for somebody who may: nothing new starts, and what runs is ended.

        Args:
            run: as it was read.
            actor: Slack's ID of who cancels it, or the name of the console's user.

        Returns:
            The run as it is now.
        """
        context, now = self._context, self._context.clock.now()
        if not run.ended and await context.runs.request_cancel(run.id, actor, now):
            context.run_observer.run_changed(run.id)
        if run.state is RunState.NEEDS_HUMAN:
            await self.close(run.id, actor)
        driving = self._driving.get(run.id)
        if driving is not None:
            driving.driver.cancel_requested()
        return await context.runs.get(run.id) or run

    async def close(self, run: str, user: str, successor: str = "") -> None:
        """End a run in `needs_human`: the person says that they have seen to it.

        Args:
            run: its ID.
            user: Slack's ID of the person.
            successor: the run that goes on after it; empty where none does.
        """
        await RunDriver(self._context, run).close(user, successor)

    async def sweep(self) -> None:
        """Drive what nobody drives, and carry out what was requested elsewhere."""
        stopped: list[RunSummary] = []
        for summary in await self._context.runs.unfinished():
            driving = self._driving.get(summary.run)
            if driving is not None:
                _pass_on(summary, driving.driver)
            elif summary.state is RunState.NEEDS_HUMAN:
                stopped.append(summary)
            else:
                self.drive(summary.run)
        await self._aftermath.look(tuple(stopped))
        # Last, so that a failure of these keeps no run from being driven.
        await self._carry_out_cancel_requests()
        await self._late_approvals.look(self.driven)
        await self._watches.look()

    async def _touch(self, run: str) -> None:
        try:
            await self._context.runs.touch(run)
        except Exception:
            _log.exception("run_not_stirred", run=run)  # the reactions are read at intervals anyway

    async def _carry_out_cancel_requests(self) -> None:
        """Carry out what was requested on the console; whoever can write to the store needs no other permission."""
        for cancel_request in await self._context.cancel_requests.waiting():
            try:
                run = await self._context.runs.get(cancel_request.run)
                if run is not None:
                    await self.cancel(run, cancel_request.actor)
                await self._context.cancel_requests.remove(cancel_request)
            except Exception:
                # It stays in the store, and the next sweep tries again.
                _log.exception("petition_not_granted", run=cancel_request.run)

    def _driver_ended(self, run: str, task: asyncio.Task[None]) -> None:
        ended = self._driving.pop(run, None)
        target = None if ended is None else ended.driver.target
        for driving in self._driving.values():
            if driving.driver.target == target:
                driving.driver.wake.set()  # it may be next on the target
        if task.cancelled():
            return
        if task.exception() is None:
            self._failures.pop(run, None)
            return
        if isinstance(task.exception(), OutageError):
            return  # not the run's fault: the sweep drives it again
        self._failures[run] += 1
        _log.error("driver_failed", run=run, times=self._failures[run], exc_info=task.exception())


def _pass_on(summary: RunSummary, driver: RunDriver) -> None:
    """Tell a driver what another replica noted: a cancellation, or a reaction."""
    if summary.cancelled_by:
        driver.cancel_requested()
    driver.changed(summary.revision)


def _sweep_failed(error: Exception, failures: int) -> float:
    _log.error("sweep_failed", times=failures, exc_info=error)
    return SWEEP_SECONDS
