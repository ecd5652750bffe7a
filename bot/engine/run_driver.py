"""Drives one run from wherever it stands to where it waits or ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from functools import partial

import structlog

from bot.background import RepeatedWork
from bot.domain.errors import Problem, Reason, problem
from bot.domain.names import TargetName
from bot.domain.runs.history import Entry
from bot.domain.runs.run import Run, RunState
from bot.engine.context import EngineContext
from bot.engine.jobs.backup_age import overdue_problem
from bot.engine.lease_keeper import LEASE, LeaseKeeper
from bot.engine.phases.change import change, verify
from bot.engine.phases.gate import wait_at_gate
from bot.engine.phases.planning import cancel_before_change, fail, plan_run
from bot.engine.phases.start_time import wait_for_time
from bot.engine.ports import Ending
from bot.engine.run_changes import FactsAre, LeaseLostError, MoveTo, RunLease
from bot.engine.run_session import RunSession

_END_POLL_SECONDS = 0.2
_END_RETRY_SECONDS = 2.0

_QUEUE_POLL_SECONDS = 2.0

_MAX_CLAIMS = 10
_CLAIM_RETRY_SECONDS = 0.1

_log = structlog.get_logger()


class RunDriver:
    """Drives one run under a lease.

    Args:
        context: the engine's ports.
        run: the run's ID.
    """

    def __init__(self, context: EngineContext, run: str) -> None:
        self.run = run
        self.wake = asyncio.Event()
        self._reacted = asyncio.Event()
        self._context = context
        self._session: RunSession | None = None
        self._ending: RepeatedWork | None = None

    @property
    def target(self) -> TargetName | None:
        """The run's target; None until the run was read."""
        return None if self._session is None else self._session.target.name

    def changed(self, revision: int) -> None:
        """Take note of the run's revision in the store: it is woken where the run has changes that it did not make."""
        if self._session is None or self._session.revision != revision:
            self.wake.set()

    async def drive(self, lease_keeper: LeaseKeeper) -> None:
        """Claim the run and drive it until it ends, waits for a person, or another process claims it.

        Args:
            lease_keeper: renews the lease.
        """
        lease = await self._claim()
        if lease is None:
            return
        lease_keeper.hold(lease, asyncio.current_task())
        try:
            # Every record logged below names the run.
            with structlog.contextvars.bound_contextvars(run=self.run):
                await self._drive(lease)
        except LeaseLostError:
            _log.warning("run_overtaken", run=self.run, token=lease.token)
        finally:
            lease_keeper.let_go(lease)
            if self._ending is not None:
                await self._ending.aclose()
            with contextlib.suppress(Exception):
                await self._context.leases.release(lease)
            self._context.run_observer.run_changed(self.run)

    async def give_up(self) -> None:
        """Fail a run that cannot be driven, or hand it to a person where it may have changed something."""
        now = self._context.clock.now()
        lease = await self._claim()
        run = await self._context.runs.get(self.run)
        if lease is None or run is None or run.ended:
            return
        found = problem(Reason.INTERNAL)
        entry = Entry(self.run, "given_up", "bot", {"state": run.state.value})
        await self._context.runs.write(lease, (MoveTo(_given_up_state(run), now, found),), (entry,))
        await self._context.leases.release(lease)
        self._context.run_observer.run_changed(self.run)

    async def close(self, user: str, successor: str) -> None:
        """End a run in `needs_human`, which frees its target.

        Args:
            user: Slack's ID of the person.
            successor: the run that goes on after it; empty where none does.
        """
        async with self._waiting_run() as held:
            if held is None:
                return
            lease, run = held
            found = _closing_problem(run, user, successor)
            entry = Entry(self.run, "closed_by_person", user, {"successor": successor})
            decision = MoveTo(RunState.CANCELLED, self._context.clock.now(), found)
            await self._context.runs.write(lease, (decision,), (entry,))
        self._context.run_observer.run_changed(self.run)

    async def add_facts(self, facts: Mapping[str, str]) -> None:
        """Add facts to a run in `needs_human` that were found after it stopped.

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
        """Claim a run in `needs_human` for one write; None where it is not in that state."""
        lease = await self._claim()
        for _ in range(_MAX_CLAIMS):  # another process holds it for one write
            if lease is not None:
                break
            await asyncio.sleep(_CLAIM_RETRY_SECONDS)
            lease = await self._claim()
        if lease is None:
            yield None
            return
        try:
            run = await self._context.runs.get(self.run)
            yield (lease, run) if run is not None and run.state is RunState.NEEDS_HUMAN else None
        finally:
            await self._context.leases.release(lease)

    def reaction_heard(self) -> None:
        """Read the reactions to the request to approve soon."""
        self._reacted.set()
        self.wake.set()

    def cancel_requested(self) -> None:
        """End the steps that run now, and stop waiting, because the run was cancelled."""
        self.wake.set()
        if self._session is not None and self._ending is None:
            self._ending = RepeatedWork(
                f"end steps of {self.run}",
                partial(self._end_steps, self._session),
                interval=_END_POLL_SECONDS,
                failed=self._not_ended,
            )
            self._ending.start()
            self._ending.wake()

    async def _claim(self) -> RunLease | None:
        return await self._context.leases.claim(self.run, self._context.owner, LEASE)

    async def _drive(self, lease: RunLease) -> None:
        run = await self._context.runs.get(self.run)
        while run is not None and not run.ended and run.state is not RunState.NEEDS_HUMAN:
            target = self._context.operations.targets.get(run.request.target)
            if target is None:
                await self._end_without_target(lease, run)
                return
            if self._session is None:
                self._session = RunSession(self._context, lease, target, self.wake, self._reacted)
                if run.cancelled_by:
                    self.cancel_requested()
            run = await self._advance(self._session, run)

    async def _end_without_target(self, lease: RunLease, run: Run) -> None:
        """End a run whose target is no longer in the operations file."""
        found = problem(Reason.UNKNOWN_ENVIRONMENT, app=run.request.target.app)
        state = _given_up_state(run)
        event = "needs_human" if state is RunState.NEEDS_HUMAN else "run_failed"
        entry = Entry(self.run, event, "bot", {"reason": found.reason.value, **found.facts})
        await self._context.runs.write(lease, (MoveTo(state, self._context.clock.now(), found),), (entry,))

    async def _advance(self, session: RunSession, run: Run) -> Run:
        match run.state:
            case RunState.QUEUED if run.waits_for_time:
                return await wait_for_time(session, run)
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
        if await self._context.leases.admit(session.lease, session.now()):
            self._context.run_observer.run_changed(self.run)
            return await session.read()
        await session.pause(_QUEUE_POLL_SECONDS)
        return await session.read()

    async def _end_steps(self, session: RunSession) -> None:
        """End the steps that run now; repeated, as a step may be about to start."""
        endings = await session.execution.end()
        if not all(ending in {Ending.GONE, Ending.NEVER_RAN} for ending in endings):
            _log.warning("step_not_ended", run=self.run, endings=[ending.value for ending in endings])
            await asyncio.sleep(_END_RETRY_SECONDS)

    def _not_ended(self, error: Exception, failures: int) -> float:
        _log.error("steps_not_ended", run=self.run, times=failures, exc_info=error)
        return _END_RETRY_SECONDS


def _closing_problem(run: Run, user: str, successor: str) -> Problem:
    """Add to a run's problem who closed it and which run goes on after it."""
    found = run.problem or problem(Reason.CANCELLED)
    return Problem(found.reason, {**found.facts, "closed_by": user, "successor": successor})


def _given_up_state(run: Run) -> RunState:
    """Give the state of a run that cannot be driven: failed, unless it may have changed something."""
    return RunState.NEEDS_HUMAN if run.state in {RunState.RUNNING, RunState.VERIFYING} else RunState.FAILED
