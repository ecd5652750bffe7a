"""The point before the first change: it waits for the right people, and lets nothing through that they did not see."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.runs.approval import GateState, Judgement, judge
from bot.domain.runs.plan import Phase
from bot.domain.runs.reminders import due, next_moment
from bot.domain.runs.run import Gate, Run, RunState, StepState, Vote
from bot.domain.targets.target import Emoji
from bot.engine.phases.backup_before import backup_gone
from bot.engine.phases.planning import cancel_before_change
from bot.engine.phases.proven_backup import proof_within, require_proof
from bot.engine.ports import ReactionsUnavailableError
from bot.engine.queries.rules import blocking_reason
from bot.engine.run_changes import ChangeStarts, GateIs, MoveTo, VotesAre
from bot.engine.run_session import RunSession

_READ_EVERY = 20.0
"""Seconds after which the reactions are read even if no event told of one: events can be lost."""

_ASK_AGAIN = 5.0
"""Seconds until Slack is asked again when it did not answer."""


async def wait_at_gate(session: RunSession, run: Run) -> Run:
    """Wait until the gate is decided.

    Args:
        session: the hold on the run.
        run: in state `awaiting_approval`.

    Returns:
        The run in its next state.

    Raises:
        Overtaken: another owner has the run.
    """
    while True:
        gate = _gate(run)
        if run.cancelled_by:
            return await cancel_before_change(session, run)
        if session.now() >= gate.expires_at:
            return await _expire(session, gate)
        pause = _READ_EVERY
        gate = await remind(session, gate)
        try:
            judgement = await judge_now(session, run, gate)
            run = await remember(session, run, gate, judgement)
            if judgement.state is GateState.REJECTED:
                return await _reject(session, gate, judgement)
            if judgement.state is GateState.APPROVED:
                return await _approve(session, gate, judgement)
        except ReactionsUnavailableError:
            pause = _ASK_AGAIN
        until = next_moment(gate, session.now()) or gate.expires_at
        left = (min(until, gate.expires_at) - session.now()).total_seconds()
        await session.pause(max(0.05, min(pause, left)))
        run = await session.read()


async def remind(session: RunSession, gate: Gate) -> Gate:
    """Note that those whose approval is missing are reminded now, if it is time.

    Committed before anybody is told, so that no crash reminds twice; what is told follows from the gate.

    Args:
        session: the hold on the run.
        gate: of the run.

    Returns:
        The gate as it is now.
    """
    moment = due(gate, session.now())
    if moment is None:
        return gate
    reminded = replace(gate, reminded_at=moment)
    event = "countersign_missing" if gate.afterwards else "gate_reminded"
    await session.write(GateIs(reminded), entries=(session.entry(event, {"plan": gate.digest}),))
    return reminded


async def still_open_to_pass(session: RunSession, run: Run) -> Problem | None:
    """Check, just before the first change, that the approval still stands and the world has not moved.

    Args:
        session: the hold on the run.
        run: in state `running`, with no change begun.

    Returns:
        What stands in the way, or None.
    """
    gate, plan = _gate(run), run.plan
    if plan is None:
        return problem(Reason.INTERNAL, detail="a run without a plan passed its gate")
    if session.now() >= gate.expires_at and not gate.afterwards:
        return problem(Reason.EXPIRED)
    found = await blocking_reason(session.context, run.request)
    if found is not None:
        return found
    if not gate.requirement.needs_no_approval and not gate.afterwards:
        judgement = await _judge_patiently(session, run, gate)
        if judgement is None or judgement.state is not GateState.APPROVED:
            given = "0" if judgement is None else str(len(judgement.approvers))
            return problem(Reason.REJECTED, needed=str(gate.requirement.needed), given=given, withdrawn="yes")
    try:
        basis, gone = await asyncio.gather(session.basis(plan, run), backup_gone(session, run, plan))
        moved = (*plan.basis.differences(basis), *gone)
    except RefusedError as refusal:
        return refusal.problem
    if moved:
        return Problem(
            Reason.MOVED, {name: f"{before or 'nothing'} → {now or 'nothing'}" for name, before, now in moved}
        )
    try:
        within = proof_within(session, run, plan)
        if within is not None:
            await require_proof(session, run, within)
    except RefusedError as refusal:
        return refusal.problem
    return None


async def void(session: RunSession, run: Run, found: Problem) -> Run:
    """Void an approval and end the run; nothing was changed."""
    gate = replace(_gate(run), state=GateState.VOID)
    facts = {"plan": gate.digest, "reason": found.reason.value, **found.facts}
    return await session.write(
        GateIs(gate),
        MoveTo(RunState.FAILED, session.now(), found),
        entries=(session.entry("gate_void", facts),),
    )


def nothing_changed_yet(run: Run) -> bool:
    """Say whether no step of the change phase has been begun."""
    return all(row.state is StepState.PENDING for row in run.steps if row.phase is not Phase.PREPARE)


async def judge_now(session: RunSession, run: Run, gate: Gate) -> Judgement:
    """Judge the reactions as they are now, by who people are now.

    Raises:
        ReactionsUnavailableError: Slack did not answer.
    """
    reactions = await session.context.reaction_reader.reactions(run)
    requester = run.request.origin.user
    if gate.afterwards and requester in reactions:
        # Before the change who asked may withdraw; afterwards there is nothing that they could take back.
        reactions = {**reactions, requester: reactions[requester] - {Emoji.REJECT}}
    users = frozenset(reactions)
    roster = await session.context.directory.roster(users, gate.requirement.people.groups if users else frozenset())
    return judge(gate.requirement, requester, reactions, roster)


async def _judge_patiently(session: RunSession, run: Run, gate: Gate) -> Judgement | None:
    """Judge; while Slack does not answer, wait until the approval would expire."""
    while session.now() < gate.expires_at:
        try:
            return await judge_now(session, run, gate)
        except ReactionsUnavailableError:
            await session.pause(_ASK_AGAIN)
    return None


async def remember(session: RunSession, run: Run, gate: Gate, judgement: Judgement) -> Run:
    """Keep the votes as they were just judged, and tell the history what is new about them."""
    votes = _votes(run, gate, judgement, session.now())
    if votes == run.votes:
        return run
    known = {(vote.user, vote.choice, vote.counts) for vote in run.votes}
    entries = tuple(
        session.entry(
            "vote" if vote.counts else "vote_ignored",
            {"choice": vote.choice, "plan": gate.digest} | ({} if vote.counts else {"reason": vote.reason}),
            actor=vote.user,
        )
        for vote in votes
        if (vote.user, vote.choice, vote.counts) not in known
    )
    gone = {vote.user for vote in run.votes if vote.counts} - {vote.user for vote in votes if vote.counts}
    withdrawn = tuple(session.entry("vote_withdrawn", {"plan": gate.digest}, actor=user) for user in sorted(gone))
    return await session.write(VotesAre(votes), entries=entries + withdrawn)


def _votes(run: Run, gate: Gate, judgement: Judgement, now: datetime) -> tuple[Vote, ...]:
    before = {(vote.user, vote.choice, vote.counts, vote.reason): vote.at for vote in run.votes}
    found: list[tuple[str, str, bool, str]] = [
        *((user, Emoji.APPROVE.value, True, "") for user in judgement.approvers),
        *((user, Emoji.REJECT.value, True, "") for user in judgement.rejecters),
        *((user, Emoji.APPROVE.value, False, why.value) for user, why in judgement.ignored.items()),
    ]
    return tuple(
        Vote(user, gate.digest, choice, counts, reason, before.get((user, choice, counts, reason), now))
        for user, choice, counts, reason in found
    )


async def _approve(session: RunSession, gate: Gate, judgement: Judgement) -> Run:
    now = session.now()
    facts = {"plan": gate.digest, "by": ", ".join(judgement.approvers)}
    return await session.write(
        GateIs(replace(gate, state=GateState.APPROVED)),
        MoveTo(RunState.RUNNING, now),
        ChangeStarts(now),
        entries=(session.entry("gate_approved", facts),),
    )


async def _reject(session: RunSession, gate: Gate, judgement: Judgement) -> Run:
    by = ", ".join(judgement.rejecters)
    return await session.write(
        GateIs(replace(gate, state=GateState.REJECTED)),
        MoveTo(RunState.REJECTED, session.now(), problem(Reason.REJECTED, by=by)),
        entries=(session.entry("gate_rejected", {"plan": gate.digest, "by": by}),),
    )


async def _expire(session: RunSession, gate: Gate) -> Run:
    return await session.write(
        GateIs(replace(gate, state=GateState.EXPIRED)),
        MoveTo(RunState.EXPIRED, session.now(), problem(Reason.EXPIRED)),
        entries=(session.entry("gate_expired", {"plan": gate.digest}),),
    )


def _gate(run: Run) -> Gate:
    if run.gate is None:
        raise LookupError(f"run {run.id} is {run.state} without a gate")
    return run.gate
