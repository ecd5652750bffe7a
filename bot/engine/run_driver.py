"""Drives one run from wherever it stands to where it waits or ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import structlog

from bot.domain.errors import Problem, Reason, problem
from bot.domain.runs.history import Entry
from bot.domain.runs.run import Run, RunState
from bot.engine.context import EngineContext
from bot.engine.jobs.backup_age import overdue_problem
from bot.engine.phases.change import change, verify
from bot.engine.phases.gate import wait_at_gate
from bot.engine.phases.planning import cancel_before_change, fail, plan_run
from bot.engine.ports import Ending
from bot.engine.run_changes import FactsAre, LeaseLostError, MoveTo, RunLease
from bot.engine.run_session import RunSession

LEASE = timedelta(seconds=15)
"""How long a claim lasts; it is renewed three times in that time."""

_QUEUE_POLL = 2.0

_CLAIMS, _CLAIM_AGAIN = 10, 0.1

_log = structlog.get_logger()


class RunDriver:
    """Drives one run, under a claim that it renews.

    Args:
        context: the engine's ports.
        run: the run's ID.
    """

    def __init__(self, context: EngineContext, run: str) -> None:
        self.run = run
        self.wake = asyncio.Event()
        self._context = context
        self._session: RunSession | None = None
        self._ending: asyncio.Task[None] | None = None

    async def drive(self) -> None:
        """Claim the run and carry it on until it ends, waits for a person, or is somebody else's."""
        lease = await self._claim()
        if lease is None:
            return
        log = _log.bind(run=self.run, token=lease.token)
        heart = asyncio.create_task(self._beat(lease, asyncio.current_task()))
        try:
            # Whatever is logged below, by whichever room, says which run it was for.
            with structlog.contextvars.bound_contextvars(run=self.run):
                await self._drive(lease)
        except LeaseLostError:
            log.warning("run_overtaken")
        finally:
            heart.cancel()
            if self._ending is not None:
                self._ending.cancel()
            with contextlib.suppress(Exception):
                await self._context.leases.release(lease)
            self._context.run_observer.run_changed(self.run)

    async def give_up(self) -> None:
        """End a run that cannot be driven on, or hand it to a person where it may have changed something."""
        now = self._context.clock.now()
        lease = await self._claim()
        run = await self._context.runs.get(self.run)
        if lease is None or run is None or run.ended:
            return
        found = problem(Reason.INTERNAL)
        entry = Entry(self.run, "given_up", "bot", {"state": run.state.value})
        await self._context.runs.write(lease, (MoveTo(_end_of_orphan(run), now, found),), (entry,))
        await self._context.leases.release(lease)
        self._context.run_observer.run_changed(self.run)

    async def close(self, user: str, successor: str) -> None:
        """End a run in `needs_human`: the person says that they have seen to it, and frees the target.

        Args:
            user: Slack's ID of the person.
            successor: the run that goes on after it; empty where none does.
        """
        async with self._waiting_run() as held:
            if held is None:
                return
            lease, run = held
            found = _closed_by(run, user, successor)
            entry = Entry(self.run, "closed_by_person", user, {"successor": successor})
            decision = MoveTo(RunState.CANCELLED, self._context.clock.now(), found)
            await self._context.runs.write(lease, (decision,), (entry,))
        self._context.run_observer.run_changed(self.run)

    async def learn(self, facts: Mapping[str, str]) -> None:
        """Add to a run in `needs_human` what was found out since it stopped.

        Args:
            facts: of the run.
        """
        async with self._waiting_run() as held:
            if held is None:
                return
            lease, _ = held
            await self._context.runs.write(
                lease, (FactsAre(facts),), (Entry(self.run, "aftermath_seen", "bot", facts),)
            )
        self._context.run_observer.run_changed(self.run)

    @contextlib.asynccontextmanager
    async def _waiting_run(self) -> AsyncIterator[tuple[RunLease, Run] | None]:
        """Claim a run in `needs_human` for a moment; None where it is not, or no longer, in that state."""
        lease = await self._claim()
        for _ in range(_CLAIMS):  # somebody else holds it for as long as one write takes
            if lease is not None:
                break
            await asyncio.sleep(_CLAIM_AGAIN)
            lease = await self._claim()
        if lease is None:
            yield None
            return
        try:
            run = await self._context.runs.get(self.run)
            yield (lease, run) if run is not None and run.state is RunState.NEEDS_HUMAN else None
        finally:
            await self._context.leases.release(lease)

    def cancel_requested(self) -> None:
        """Take note that somebody asked to cancel: steps that run now are ended, waiting stops."""
        self.wake.set()
        if self._session is not None and self._ending is None:
            self._ending = asyncio.create_task(self._end_steps(self._session))

    async def _claim(self) -> RunLease | None:
        return await self._context.leases.claim(self.run, self._context.owner, LEASE)

    async def _drive(self, lease: RunLease) -> None:
        run = await self._context.runs.get(self.run)
        while run is not None and not run.ended and run.state is not RunState.NEEDS_HUMAN:
            target = self._context.operations.targets.get(run.request.target)
            if target is None:
                found = problem(Reason.UNKNOWN_ENVIRONMENT, app=run.request.target.app)
                await self._context.runs.write(lease, (MoveTo(_end_of_orphan(run), self._context.clock.now(), found),))
                return
            if self._session is None:
                self._session = RunSession(self._context, lease, target, self.wake)
                if run.cancelled_by:
                    self.cancel_requested()
            run = await self._advance(self._session, run)

    async def _advance(self, session: RunSession, run: Run) -> Run:
        match run.state:
            case RunState.QUEUED:
                return await self._queue(session, run)
            case RunState.PLANNING:
                return await plan_run(session, run)
            case RunState.AWAITING_APPROVAL:
                return await wait_at_gate(session, run)
            case RunState.RUNNING:
                return await change(session, run)
            case RunState.VERIFYING:
                return await verify(session, run)
            case _:
                return run

    async def _queue(self, session: RunSession, run: Run) -> Run:
        if run.cancelled_by:
            return await cancel_before_change(session, run)
        overdue = overdue_problem(run.request)
        if overdue is not None:
            return await fail(session, overdue)
        if self._context.planner_for(run.request.options) is None:
            return await fail(session, problem(Reason.INTERNAL, detail=f"no command does {run.request.action}"))
        if await self._context.leases.admit(session.lease):
            self._context.run_observer.run_changed(self.run)
            return await session.read()
        await session.pause(_QUEUE_POLL)
        return await session.read()

    async def _end_steps(self, session: RunSession) -> None:
        """End what runs now, and again until nothing does: a step may just be starting."""
        while True:
            endings = await session.execution.end()
            if all(ending in {Ending.GONE, Ending.NEVER_RAN} for ending in endings):
                await asyncio.sleep(0.2)
            else:
                _log.warning("step_not_ended", run=self.run, endings=[ending.value for ending in endings])
                await asyncio.sleep(2)

    async def _beat(self, lease: RunLease, driving: asyncio.Task[object] | None) -> None:
        """Renew the claim; without it nothing may be driven."""
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            try:
                await self._context.leases.renew(lease, LEASE)
            except LeaseLostError:
                if driving is not None:
                    driving.cancel()
                return
            except Exception:
                # The store may be back before the lease has run out; every write carries the token anyway.
                _log.exception("lease_not_renewed", run=self.run)


def _closed_by(run: Run, user: str, successor: str) -> Problem:
    """Keep why the run needed somebody, and add who closed it and which run goes on after it."""
    found = run.problem or problem(Reason.CANCELLED)
    return Problem(found.reason, {**found.facts, "closed_by": user, "successor": successor})


def _end_of_orphan(run: Run) -> RunState:
    """A run that cannot be driven on fails, unless it may have changed something."""
    return RunState.NEEDS_HUMAN if run.state in {RunState.RUNNING, RunState.VERIFYING} else RunState.FAILED
