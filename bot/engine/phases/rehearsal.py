"""The rehearsal behind the gate, and the way back to the gate where it finds more than was approved."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.errors import Problem, Reason, problem
from bot.domain.runs.approval import GateState
from bot.domain.runs.findings import Finding
from bot.domain.runs.gravity import is_graver
from bot.domain.runs.plan import Phase, Plan
from bot.domain.runs.plan_json import findings_of, plan_digest
from bot.domain.runs.run import Gate, PassedGate, Run, RunState, StepState
from bot.domain.targets.target import Emoji
from bot.engine.phases.lost_values import lost_values
from bot.engine.phases.planning import asked_for, new_nonce, require_signable, requiring
from bot.engine.run_changes import ChangePutOff, GateIs, MoveTo, PlanIs, VotesAre
from bot.engine.run_session import RunSession


async def rehearse(session: RunSession, plan: Plan) -> Problem | None:
    """Perform the steps of the rehearsal that were not performed yet.

    Args:
        session: of the run.
        plan: of the run.

    Returns:
        Why the run stops, or None.

    Raises:
        LeaseLostError: another owner has the run.
    """
    for step in plan.of(Phase.REHEARSAL):
        run = await session.read()
        if run.cancelled_by:
            return problem(Reason.CANCELLED, by=run.cancelled_by)
        rows = run.rows(step.key)
        if any(row.state is not StepState.DONE for row in rows):
            rows = await session.execution.step(run, step)
            session.context.run_observer.run_changed(session.run_id)
        bad = next((row for row in rows if row.state is not StepState.DONE), None)
        if bad is not None:
            found = bad.problem or problem(Reason.INTERNAL)
            return Problem(found.reason, {"step": bad.key, "title": bad.title, "place": bad.place, **found.facts})
    return None


async def ask_again(session: RunSession, run: Run, plan: Plan) -> Run | None:
    """Take a run back to its gate if the rehearsal found something graver than what was approved.

    One commit: the plan with the evidence, a new request to approve it, and no votes. An emergency is not held up.

    Args:
        session: of the run.
        run: behind its gate, with the rehearsal done and no change begun.
        plan: that was approved.

    Returns:
        The run at its gate; None if it goes on.

    Raises:
        RefusedError: `no_override`, the policy no longer allows changes during a freeze.
        LeaseLostError: another owner has the run.
    """
    gate = run.gate
    if gate is None or gate.afterwards or not plan.awaits_rehearsal:
        return None
    found = _findings(run, plan)
    lost = await lost_values(found, session.context.target_reader.look(session.target))
    rehearsed = requiring(session, run, plan.rehearsed((*found, *lost)))
    if rehearsed.requirement.needs_no_approval or not is_graver(rehearsed, plan):
        return None
    now = session.now()
    opened = Gate(
        GateState.OPEN,
        plan_digest(rehearsed),
        rehearsed.requirement,
        now,
        now + rehearsed.requirement.expires,
        earlier=(*gate.earlier, _passed(run, gate)),
        nonce=new_nonce(),
    )
    require_signable(session, replace(run, plan=rehearsed, gate=opened))
    facts = {**asked_for(opened), "again": "rehearsal"}
    return await session.write(
        PlanIs(rehearsed),
        GateIs(opened),
        VotesAre(()),
        ChangePutOff(),
        MoveTo(RunState.AWAITING_APPROVAL, now),
        entries=(session.entry("gate_opened", facts),),
    )


def _passed(run: Run, gate: Gate) -> PassedGate:
    approvers = (vote.user for vote in run.votes if vote.counts and vote.choice == Emoji.APPROVE)
    return PassedGate(gate.digest, gate.requirement.needed, tuple(approvers))


def _findings(run: Run, plan: Plan) -> tuple[Finding, ...]:
    return tuple(
        found for step in plan.of(Phase.REHEARSAL) for row in run.rows(step.key) for found in findings_of(row.facts)
    )
