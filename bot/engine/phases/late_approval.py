"""Countersigning emergencies afterwards: reading votes and recording reminders until the gate is decided."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import structlog

from bot.domain.runs.approval import GateState
from bot.domain.runs.run import Gate, Run
from bot.engine.context import EngineContext
from bot.engine.phases.gate import judge_now, record_reminder, record_votes
from bot.engine.phases.reading_times import ReadingTimes
from bot.engine.ports import Occasion, ReactionsUnavailableError
from bot.engine.run_changes import GateIs
from bot.engine.run_session import RunSession

_LEASE = timedelta(seconds=15)

_log = structlog.get_logger()


class LateApprovals:
    """Decides the gates of runs that are still to be countersigned.

    Args:
        context: the engine's ports.
    """

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._times: dict[str, ReadingTimes] = {}

    def wake(self, run: str) -> None:
        """Read the reactions to a run's request at the next look."""
        if run in self._times:
            self._times[run] = ReadingTimes(run)  # without a pause: the looks are seconds apart anyway
            self._times[run].hear()

    async def look(self, driven: frozenset[str]) -> None:
        """Read the reactions that are due, and record what they decide.

        Args:
            driven: runs with a driver; they are looked at when it has ended.
        """
        now = self._context.clock.now().timestamp()
        waiting = await self._context.runs.awaiting_late_approval()
        self._times = {run: self._times.get(run) or ReadingTimes(run) for run in waiting}
        gates = self._context.open_gates.number + len(waiting)
        for run, times in self._times.items():
            occasion = times.begin(now, gates) if run not in driven else None
            if occasion is not None and not await self._look_at(run, occasion):
                times.failed(occasion, now)

    async def _look_at(self, name: str, occasion: Occasion) -> bool:
        """Read the reactions to one request; return whether Slack answered, or another process has the run."""
        lease = await self._context.leases.claim(name, self._context.owner, _LEASE)
        if lease is None:
            return True
        try:
            run = await self._context.runs.get(name)
            target = self._context.operations.targets.get(run.request.target) if run is not None else None
            if run is None or run.gate is None or not run.gate.owed or target is None:
                return True
            session = RunSession(self._context, lease, target, asyncio.Event(), asyncio.Event())
            await self._settle(session, run, await record_reminder(session, run.gate), occasion)
        except ReactionsUnavailableError:
            return False
        else:
            return True
        finally:
            await self._context.leases.release(lease)

    async def _settle(self, session: RunSession, run: Run, gate: Gate, occasion: Occasion) -> None:
        judgement = await judge_now(session, run, gate, occasion)
        await record_votes(session, run, gate, judgement)
        if judgement.state is GateState.OPEN:
            return
        approved = judgement.state is GateState.APPROVED
        by = ", ".join(judgement.approvers if approved else judgement.rejecters)
        event = "countersigned" if approved else "countersign_refused"
        entry = session.entry(event, {"plan": gate.digest, "by": by})
        await session.write(GateIs(replace(gate, state=judgement.state)), entries=(entry,))
        _log.info(event, run=run.id, by=by)
