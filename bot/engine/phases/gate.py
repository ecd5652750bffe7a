"""The gate before the first change: waits for approval, and checks that what was approved is still what runs."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.notifications import WHILE_CHANGING
from bot.domain.policies.policy import Requirement
from bot.domain.runs.approval import SIGNED_ALONE, GateState, Judgement, judge
from bot.domain.runs.basis import require_this_version
from bot.domain.runs.plan import Phase, Plan
from bot.domain.runs.reminders import due, next_moment
from bot.domain.runs.request import SCHEDULE
from bot.domain.runs.run import Gate, Run, RunState, StepState, Vote
from bot.domain.runs.stretches import first_reads
from bot.domain.targets.target import Emoji
from bot.engine.phases.backup_before import missing_backup
from bot.engine.phases.planning import begin_or_wait, cancel_before_change, waits_facts
from bot.engine.phases.proven_backup import proof_within, require_proof
from bot.engine.phases.reading_times import ReadingTimes
from bot.engine.phases.signing import signed_by
from bot.engine.ports import Occasion, ReactionsUnavailableError
from bot.engine.queries.rules import LookUp, blocking_reason
from bot.engine.queries.rules import judge as judge_request
from bot.engine.run_changes import GateIs, MoveTo, VotesAre
from bot.engine.run_session import RunSession

_RETRY_SECONDS = 5.0
"""Until Slack is asked again after it did not answer."""

_STALE_SECONDS = 1.0
"""For which what was read may wait for something else; then it is read again."""

_PATIENCE_IN_CHANGE = timedelta(minutes=1)
"""How long a site may stay in maintenance while Slack is asked whether the approval still stands."""


async def wait_at_gate(session: RunSession, run: Run) -> Run:
    """Wait until the gate is decided.

    Args:
        session: of the run.
        run: in state `awaiting_approval`.

    Returns:
        The run in its next state.

    Raises:
        LeaseLostError: another owner has the run.
    """
    with session.context.open_gates.one_more():
        return await _decide(session, run, ReadingTimes(run.id))


async def _decide(session: RunSession, run: Run, times: ReadingTimes) -> Run:
    while True:
        gate = _gate(run)
        if session.heard_reaction(run):
            times.hear()
            session.context.target_reader.prepare(session.target)
        if run.cancelled_by:
            return await cancel_before_change(session, run)
        if session.now() >= gate.expires_at:
            return await _expire(session, gate)
        try:
            if run.plan is not None:
                require_this_version(run.plan.basis)
            gate = await raise_requirement(session, run, gate)
        except RefusedError as refusal:
            return await void(session, run, refusal.problem)
        gate = await record_reminder(session, gate)
        occasion = times.begin(time.monotonic(), session.context.open_gates.number)
        if occasion is not None:
            try:
                judgement = await judge_now(session, run, gate, occasion)
                run = await record_votes(session, run, gate, judgement)
                if judgement.state is GateState.REJECTED:
                    return await reject(session, gate, judgement)
                if judgement.state is GateState.APPROVED:
                    return await _approve(session, run, gate, judgement)
            except ReactionsUnavailableError:
                times.failed(occasion, time.monotonic())
        until = min(next_moment(gate, session.now()) or gate.expires_at, gate.expires_at)
        left = (until - session.now()).total_seconds()
        await session.pause(max(0.05, min(times.next - time.monotonic(), left)))
        run = await session.read()


async def record_reminder(session: RunSession, gate: Gate) -> Gate:
    """Record a reminder of those whose approval is missing, if one is due.

    Committed before it is published, so that no crash reminds twice; the message follows from the gate.

    Args:
        session: of the run.
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


async def passing_problem(session: RunSession, run: Run, reading: asyncio.Future[None] | None = None) -> Problem | None:
    """Check, just before the first change, that the approval stands and nothing has changed since.

    The reactions, and who the people are, are read last and without any cache: whatever is withdrawn or taken from
    somebody until that instant counts.

    Args:
        session: of the run.
        run: in state `running`, with no change begun.
        reading: what the first change waits for too; where it takes longer, everything is read again behind it.

    Returns:
        Why the gate must not be passed, or None.
    """
    gate, plan = _gate(run), run.plan
    if plan is None:
        return problem(Reason.INTERNAL, detail="a run without a plan passed its gate")
    while True:
        if not gate.afterwards and not _was_passed(run) and (late := _too_late(run, gate, session.now())) is not None:
            return late
        try:
            await _require_same_world(session, run, plan)
            if reading is not None:
                _, is_going_on = await asyncio.wait({reading}, timeout=_STALE_SECONDS)
                if is_going_on:
                    await asyncio.wait({reading})
                    continue
            await require_request(session, run)
            return await still_approved(session, run)
        except RefusedError as refusal:
            return refusal.problem
        except ReactionsUnavailableError:
            await session.pause(_RETRY_SECONDS)


def _too_late(run: Run, gate: Gate, now: datetime) -> Problem | None:
    """Give why it is too late to begin: the asking ended, or the time that was asked for has passed."""
    start = run.request.start
    if start is not None:
        return problem(Reason.START_MISSED, **start.facts) if now > start.until else None
    return problem(Reason.EXPIRED) if now >= gate.expires_at else None


def _was_passed(run: Run) -> bool:
    """Whether the gate was passed in time, and a rehearsal has begun behind it."""
    return any(row.state is not StepState.PENDING for row in run.steps if row.phase is Phase.REHEARSAL)


async def still_approved(session: RunSession, run: Run) -> Problem | None:
    """Check that the reactions, as they are at this instant, satisfy what was asked for and today's policy.

    Args:
        session: of the run.
        run: behind its gate.

    Returns:
        What stands in the way, or None.

    Raises:
        ReactionsUnavailableError: Slack did not answer.
        RefusedError: today's policy does not allow the run.
    """
    gate = _gate(run)
    requirement = _requirement_now(session, run, gate)
    if requirement.needs_no_approval or gate.afterwards:
        return None
    judgement = await judge_now(
        session,
        run,
        replace(gate, requirement=requirement),
        Occasion.CHANGE,
        session.context.directory.current_roster,
    )
    if judgement.state is GateState.APPROVED:
        return None
    given = str(len(judgement.approvers))
    return problem(Reason.REJECTED, needed=str(requirement.needed), given=given, withdrawn="yes")


async def approval_withdrawn(session: RunSession, run: Run) -> Problem | None:
    """Check in mid-change, before a step that is graver than those before it, that the approval still stands.

    Args:
        session: of the run.
        run: behind its gate, with a step begun.

    Returns:
        Why the step must not be started, or None. Where Slack does not answer for a minute, that is why.
    """
    until = session.now() + _PATIENCE_IN_CHANGE
    while True:
        try:
            found = await still_approved(session, run)
        except RefusedError as refusal:
            found = refusal.problem
        except ReactionsUnavailableError:
            if session.now() < until:
                await session.pause(_RETRY_SECONDS)
                continue
            found = problem(Reason.APPROVAL_UNREADABLE)
        if found is not None:
            gate = replace(_gate(run), state=GateState.VOID)
            facts = {"plan": gate.digest, "reason": found.reason.value, **found.facts, WHILE_CHANGING: "changing"}
            await session.write(GateIs(gate), entries=(session.entry("gate_void", facts),))
        return found


async def _require_same_world(session: RunSession, run: Run, plan: Plan) -> None:
    """Read everything again that the plan stands on.

    Raises:
        RefusedError: `moved`, or what cannot be read.
    """
    basis, gone = await asyncio.gather(session.basis(plan, run), missing_backup(session, run, plan))
    moved = (*plan.basis.differences(basis), *gone)
    if moved:
        facts = {name: f"{before or 'nothing'} → {now or 'nothing'}" for name, before, now in moved}
        raise RefusedError(Problem(Reason.MOVED, facts))
    within = proof_within(session, run, plan)
    if within is not None:
        await require_proof(session, run, within)


async def require_request(session: RunSession, run: Run) -> None:
    """Judge the request again: by today's policy, lists of people, freezes and locks.

    Raises:
        RefusedError: it would not be accepted now.
    """
    if run.request.origin.user == SCHEDULE:
        found = await blocking_reason(session.context, run.request, run.id)
        if found is not None:
            raise RefusedError(found)
        return
    await judge_request(session.context, run.request, session.context.directory.current_roster, run.id)


async def raise_requirement(session: RunSession, run: Run, gate: Gate) -> Gate:
    """Ask for what today's policy asks for too, where it asks for more than the gate was opened with.

    Args:
        session: of the run.
        run: that waits at its gate.
        gate: of the run.

    Returns:
        The gate as it is now.

    Raises:
        RefusedError: today's policy does not allow the run.
    """
    requirement = replace(_requirement_now(session, run, gate), expires=gate.requirement.expires)
    if requirement == gate.requirement:
        return gate
    raised = replace(gate, requirement=requirement)
    facts = {"plan": gate.digest, "needed": str(requirement.needed), "from": ", ".join(requirement.people.names)}
    facts |= {"signed": "yes"} if requirement.asks_for_signatures else {}
    await session.write(GateIs(raised), entries=(session.entry("gate_tightened", facts),))
    return raised


def _requirement_now(session: RunSession, run: Run, gate: Gate) -> Requirement:
    """Give what the gate was opened with, and what today's policy asks for the same plan."""
    plan, policy = run.plan, session.target.policy
    if plan is None:
        return gate.requirement
    ask = policy.afterwards if gate.afterwards else policy.gate
    return gate.requirement.and_also(ask(run.request, destructive=plan.may_destroy, restores=plan.restores))


async def void(session: RunSession, run: Run, found: Problem) -> Run:
    """Void an approval and fail the run; nothing was changed."""
    gate = replace(_gate(run), state=GateState.VOID)
    facts = {"plan": gate.digest, "reason": found.reason.value, **found.facts}
    return await session.write(
        GateIs(gate),
        MoveTo(RunState.FAILED, session.now(), found),
        entries=(session.entry("gate_void", facts),),
    )


def nothing_changed_yet(run: Run) -> bool:
    """Say whether nothing behind the gate has been begun but what the change begins with and only reads."""
    before = {Phase.PREPARE, Phase.REHEARSAL}
    reads = {step.key for step in first_reads(run.plan)} if run.plan is not None else set()
    return all(row.state is StepState.PENDING for row in run.steps if row.phase not in before and row.key not in reads)


async def judge_now(
    session: RunSession, run: Run, gate: Gate, occasion: Occasion, look_up: LookUp | None = None
) -> Judgement:
    """Judge the current reactions by the current members of groups.

    Args:
        session: of the run.
        run: with a request to approve.
        gate: what it asks for.
        occasion: why.
        look_up: who people are; None lets an answer of the last minute count.

    Raises:
        ReactionsUnavailableError: Slack did not answer.
    """
    reactions = await session.context.reaction_reader.reactions(run, occasion)
    requester = run.request.origin.user
    if gate.afterwards and requester in reactions:
        # Before the change the requester may withdraw; afterwards there is nothing left to withdraw.
        reactions = {**reactions, requester: reactions[requester] - {Emoji.REJECT}}
    signed = await signed_by(session.context, run, gate, reactions)
    users = frozenset(reactions) | signed.users
    groups = gate.requirement.people.groups if users else frozenset()
    roster = await (look_up or session.context.directory.roster)(users, groups)
    return judge(gate.requirement, requester, reactions, roster, signed)


async def record_votes(session: RunSession, run: Run, gate: Gate, judgement: Judgement) -> Run:
    """Store the votes as just judged, with a record of history for each new or withdrawn one."""
    votes = _votes(run, gate, judgement, session.now())
    if votes == run.votes:
        return run
    known = {(vote.user, vote.choice, vote.counts, vote.digest) for vote in run.votes}
    entries = tuple(
        session.entry(
            "vote" if vote.counts else "vote_ignored",
            {"choice": vote.choice, "plan": gate.digest} | ({} if vote.counts else {"reason": vote.reason}),
            actor=vote.user,
        )
        for vote in votes
        if (vote.user, vote.choice, vote.counts, vote.digest) not in known
    )
    gone = {vote.user for vote in run.votes if vote.counts} - {vote.user for vote in votes if vote.counts}
    withdrawn = tuple(session.entry("vote_withdrawn", {"plan": gate.digest}, actor=user) for user in sorted(gone))
    return await session.write(VotesAre(votes), entries=entries + withdrawn)


def _votes(run: Run, gate: Gate, judgement: Judgement, now: datetime) -> tuple[Vote, ...]:
    before = {(vote.user, vote.choice, vote.counts, vote.reason): vote.at for vote in run.votes}
    alone = judgement.signed_alone
    found: list[tuple[str, str, bool, str]] = [
        *((user, Emoji.APPROVE.value, True, SIGNED_ALONE if user in alone else "") for user in judgement.approvers),
        *((user, Emoji.REJECT.value, True, "") for user in judgement.rejecters),
        *((user, Emoji.APPROVE.value, False, why.value) for user, why in judgement.ignored.items()),
    ]
    return tuple(
        Vote(user, gate.digest, choice, counts, reason, before.get((user, choice, counts, reason), now))
        for user, choice, counts, reason in found
    )


async def _approve(session: RunSession, run: Run, gate: Gate, judgement: Judgement) -> Run:
    now = session.now()
    facts = {"plan": gate.digest, "by": ", ".join(judgement.approvers), **waits_facts(run, now)}
    return await session.write(
        GateIs(replace(gate, state=GateState.APPROVED)),
        *begin_or_wait(run, now),
        entries=(session.entry("gate_approved", facts),),
    )


async def reject(session: RunSession, gate: Gate, judgement: Judgement) -> Run:
    """End a run that somebody rejected.

    Args:
        session: of the run.
        gate: of the run.
        judgement: of the reactions.
    """
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
