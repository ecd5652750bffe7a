"""Countersigning emergencies afterwards: reading votes and recording reminders until the gate is decided."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.domain.runs.approval import GateState
from bot.domain.runs.run import Gate, Run
from bot.engine.context import EngineContext
from bot.engine.phases.gate import judge_now, record_reminder, record_votes
from bot.engine.ports import ReactionsUnavailableError
from bot.engine.run_changes import GateIs
from bot.engine.run_session import RunSession

_LEASE = timedelta(seconds=15)

_POLL_INTERVAL = timedelta(seconds=20)
"""Between two readings of the reactions without an event, as events can be lost."""

_log = structlog.get_logger()


class LateApprovals:
    """Decides the gates of runs that are still to be countersigned.

    Args:
        context: the engine's ports.
    """

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._read: dict[str, datetime] = {}

    def wake(self, run: str) -> None:
        """Read the reactions to a run's request at the next look."""
        self._read.pop(run, None)

    async def look(self, driven: frozenset[str]) -> None:
        """Read the reactions that are due, and record what they decide.

        Args:
            driven: runs with a driver; they are looked at when it has ended.
        """
        now = self._context.clock.now()
        waiting = await self._context.runs.awaiting_late_approval()
        self._read = {run: at for run, at in self._read.items() if run in waiting}
        for run in waiting:
            if run in driven or (run in self._read and now - self._read[run] < _POLL_INTERVAL):
                continue
            self._read[run] = now
            await self._look_at(run)

    async def _look_at(self, name: str) -> None:
        lease = await self._context.leases.claim(name, self._context.owner, _LEASE)
        if lease is None:
            return
        try:
            run = await self._context.runs.get(name)
            target = self._context.operations.targets.get(run.request.target) if run is not None else None
            if run is None or run.gate is None or not run.gate.owed or target is None:
                return
            session = RunSession(self._context, lease, target, asyncio.Event())
            await self._settle(session, run, await record_reminder(session, run.gate))
        finally:
            await self._context.leases.release(lease)

    async def _settle(self, session: RunSession, run: Run, gate: Gate) -> None:
        try:
            judgement = await judge_now(session, run, gate)
        except ReactionsUnavailableError:
            self.wake(run.id)
            return
        await record_votes(session, run, gate, judgement)
        if judgement.state is GateState.OPEN:
            return
        approved = judgement.state is GateState.APPROVED
        by = ", ".join(judgement.approvers if approved else judgement.rejecters)
        event = "countersigned" if approved else "countersign_refused"
        entry = session.entry(event, {"plan": gate.digest, "by": by})
        await session.write(GateIs(replace(gate, state=judgement.state)), entries=(entry,))
        _log.info(event, run=run.id, by=by)
