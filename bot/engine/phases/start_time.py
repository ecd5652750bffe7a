"""Waiting, approved, for the time at which a run is to begin; whoever withdraws meanwhile stops it at once."""

from __future__ import annotations

import time
from datetime import datetime

from bot.domain.errors import Reason, problem
from bot.domain.runs.approval import GateState, Judgement
from bot.domain.runs.run import Gate, Run, RunState
from bot.domain.runs.start_time import StartTime
from bot.domain.targets.target import Emoji
from bot.engine.phases.gate import judge_now, record_votes, reject, void
from bot.engine.phases.planning import cancel_before_change
from bot.engine.phases.reading_times import ReadingTimes
from bot.engine.ports import ReactionsUnavailableError
from bot.engine.run_changes import MoveTo
from bot.engine.run_session import RunSession

_POLL_SECONDS = 2.0
"""Between two looks whether the target is free."""


async def wait_for_time(session: RunSession, run: Run) -> Run:
    """Wait for the time at which a run is to begin, and for its turn on the target.

    The reactions are read meanwhile as at the gate: a rejection, or an approval that is taken back, ends the run then.
    Everything else is judged when the time has come, where the gate is passed.

    Args:
        session: of the run.
        run: in state `queued`, approved.

    Returns:
        The run in its next state.

    Raises:
        LeaseLostError: another owner has the run.
    """
    gate, start = run.gate, run.request.start
    if gate is None or start is None:
        raise LookupError(f"run {run.id} waits for no time")
    with session.context.open_gates.one_more():
        return await _wait(session, run, gate, start, ReadingTimes(run.id))


async def _wait(session: RunSession, run: Run, gate: Gate, start: StartTime, times: ReadingTimes) -> Run:
    while True:
        if session.heard_reaction(run):
            times.hear()
        if run.cancelled_by:
            return await cancel_before_change(session, run)
        now = session.now()
        if now > start.until:
            return await _miss(session, run, start, now)
        if now >= start.at and await session.context.leases.admit(session.lease, now):
            session.context.run_observer.run_changed(run.id)
            return await session.read()
        ended = await _read_reactions(session, run, gate, times)
        if ended is not None:
            return ended
        await session.pause(_seconds_to_pause(start, session.now(), gate, times))
        run = await session.read()


def _seconds_to_pause(start: StartTime, now: datetime, gate: Gate, times: ReadingTimes) -> float:
    left = (start.at - now).total_seconds()
    soonest = left if left > 0 else _POLL_SECONDS
    if gate.requirement.needs_no_approval:
        return max(0.05, min(soonest, 60.0))
    return max(0.05, min(soonest, times.next - time.monotonic()))


async def _read_reactions(session: RunSession, run: Run, gate: Gate, times: ReadingTimes) -> Run | None:
    """Read the reactions if that is due; give the run if they end it."""
    if gate.requirement.needs_no_approval:
        return None
    occasion = times.begin(time.monotonic(), session.context.open_gates.number)
    if occasion is None:
        return None
    try:
        judgement = await judge_now(session, run, gate, occasion)
    except ReactionsUnavailableError:
        times.failed(occasion, time.monotonic())
        return None
    withdrawn = _withdrawn(run, judgement)
    run = await record_votes(session, run, gate, judgement)
    if judgement.state is GateState.REJECTED:
        return await reject(session, gate, judgement)
    if judgement.state is GateState.OPEN and withdrawn:
        given, needed = str(len(judgement.approvers)), str(gate.requirement.needed)
        return await void(session, run, problem(Reason.REJECTED, needed=needed, given=given, withdrawn="yes"))
    return None


def _withdrawn(run: Run, judgement: Judgement) -> bool:
    """Whether somebody took an approval back. Who is no longer found in Slack may be back when the time has come."""
    before = {vote.user for vote in run.votes if vote.counts and vote.choice == Emoji.APPROVE.value}
    return bool(before - {*judgement.approvers, *judgement.ignored})


async def _miss(session: RunSession, run: Run, start: StartTime, now: datetime) -> Run:
    """End a run whose time has passed: nobody drove it then, or another run had its target."""
    found = problem(Reason.START_MISSED, **start.facts, **({"busy": "yes"} if run.waited else {}))
    return await session.write(
        MoveTo(RunState.EXPIRED, now, found), entries=(session.entry("start_missed", dict(found.facts)),)
    )
