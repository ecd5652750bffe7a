"""Planning and preparing a run up to its gate; none of these steps changes production."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.policies.policy import Downtime
from bot.domain.runs.acts import Dump, Prove
from bot.domain.runs.approval import GateState
from bot.domain.runs.findings import BackupMade, Finding, SwitchOrder, facts_of, finding_of, first_of
from bot.domain.runs.plan import NothingToDo, Phase, Plan, Step
from bot.domain.runs.plan_json import findings_of, plan_digest
from bot.domain.runs.release_order import in_order
from bot.domain.runs.request import Action, Decision
from bot.domain.runs.rollout import in_batches, without_hosts
from bot.domain.runs.rollout_progress import left_out_by, perhaps_away
from bot.domain.runs.run import Gate, Run, RunState, StepRow, StepState
from bot.domain.runs.usual_steps import usual_steps
from bot.domain.signatures.plan_text import text_to_sign
from bot.domain.targets.layout import Releases
from bot.engine.phases.lost_values import lost_values
from bot.engine.phases.proven_backup import proof_within, require_proof, with_proof
from bot.engine.queries.rules import blocking_reason, require
from bot.engine.run_changes import ChangeStarts, FactsAre, GateIs, MoveTo, PlanIs, StepIs, StepsAdded, WaitsUntil
from bot.engine.run_session import RunSession

_PAST_RUNS = 20
"""Latest runs of a target that are searched for its last deploy."""


async def plan_run(session: RunSession, run: Run) -> Run:
    """Plan and prepare a run: from `planning` to its gate, or to its end.

    After a crash, steps that ended are not repeated, and a stored plan stays.

    Args:
        session: of the run.
        run: as it was last read.

    Returns:
        The run in its next state.

    Raises:
        LeaseLostError: another owner has the run.
    """
    planner = session.planner(run)
    try:
        await _require_unblocked(session, run)
        if run.plan is None:
            early = without_hosts(planner.before_plan(run, session.target), await _not_asked(session, run))
            early = session.hidden(early)
            run = await session.write(StepsAdded(rows_of(early, 0)))
            stopped = await _perform_all(session, run, early)
            if stopped is not None:
                return stopped
            look = session.context.target_reader.look(session.target)
            answer = await planner.plan(run, session.target, look)
            if isinstance(answer, NothingToDo):
                return await _nothing_to_do(session, answer)
            if answer.restores:
                context = session.context
                people = session.target.policy.who_may(Action.RESTORE)
                await require(context, run.request.origin.user, people, Action.RESTORE.value)
            answer = replace(answer, basis=answer.basis | await session.identity_basis(look, answer))
            # With migrations the evidence decides, which is not there yet.
            rolled = answer if answer.migrations else in_batches(answer, session.target)
            run = await _write_plan(session, session.hidden(rolled))
        plan = run.plan
        if plan is None or run.request.dry_run:
            return await session.write(MoveTo(RunState.SUCCEEDED, session.now()), entries=(session.entry("dry_run"),))
        stopped = await _perform_all(session, run, plan.of(Phase.PREPARE))
        if stopped is not None:
            return stopped
        await _require_unblocked(session, run)
        if run.request.start is not None and session.now() > run.request.start.until:
            return await fail(session, problem(Reason.START_MISSED, **run.request.start.facts))
        return await _seal_and_open_gate(session, await session.read(), plan)
    except RefusedError as refusal:
        return await fail(session, refusal.problem)


async def _not_asked(session: RunSession, run: Run) -> frozenset[str]:
    """Name the hosts on which nothing is done before the plan: an earlier run stopped there, and they may be away."""
    resumes = run.request.resumes
    before = None if resumes is None else await session.context.runs.get(resumes.run)
    if resumes is None or before is None:
        return frozenset()
    returns = resumes.decision is Decision.ROLL_BACK
    return perhaps_away(before) if returns else frozenset(left_out_by(before, resumes.decision))


async def _require_unblocked(session: RunSession, run: Run) -> None:
    """Refuse a run that a freeze or a lock blocks by now, before anybody is asked to approve it.

    Raises:
        RefusedError: `frozen`, `locked`.
    """
    found = await blocking_reason(session.context, run.request, run.id)
    if found is not None:
        raise RefusedError(found)


async def fail(session: RunSession, found: Problem) -> Run:
    """End a run before its first change."""
    facts = {"reason": found.reason.value, **found.facts}
    return await session.write(
        MoveTo(RunState.FAILED, session.now(), found), entries=(session.entry("run_failed", facts),)
    )


def rows_of(steps: tuple[Step, ...], first_position: int) -> tuple[StepRow, ...]:
    """Make the rows of pending steps, one for each place."""
    return tuple(
        StepRow(first_position + index, step.key, step.title, step.phase, step.risk, place)
        for index, step in enumerate(steps)
        for place in step.places
    )


async def _perform_all(session: RunSession, run: Run, steps: tuple[Step, ...]) -> Run | None:
    """Perform steps of the prepare phase in order; give the run if it ended, else None."""
    for step in steps:
        run = await session.read()
        if run.cancelled_by:
            return await cancel_before_change(session, run)
        rows = await session.execution.step(run, step)
        session.context.run_observer.run_changed(session.run_id)
        bad = next((row for row in rows if row.state is not StepState.DONE), None)
        if bad is not None:
            latest = await session.read()
            if latest.cancelled_by:
                return await cancel_before_change(session, latest)
            found = bad.problem or problem(Reason.INTERNAL)
            return await fail(session, Problem(found.reason, {"step": bad.key, "title": bad.title, **found.facts}))
    return None


async def cancel_before_change(session: RunSession, run: Run) -> Run:
    """End a run that was cancelled before its first change."""
    changes: list[MoveTo | GateIs] = []
    if run.gate is not None and run.gate.state is GateState.OPEN:
        changes.append(GateIs(replace(run.gate, state=GateState.VOID)))
    changes.append(MoveTo(RunState.CANCELLED, session.now(), problem(Reason.CANCELLED, by=run.cancelled_by)))
    return await session.write(*changes, entries=(session.entry("run_cancelled", actor=run.cancelled_by),))


async def _nothing_to_do(session: RunSession, answer: NothingToDo) -> Run:
    return await session.write(
        FactsAre(answer.facts),
        MoveTo(RunState.SUCCEEDED, session.now(), nothing_to_do=True),
        entries=(session.entry("nothing_to_do", answer.facts),),
    )


async def _write_plan(session: RunSession, plan: Plan) -> Run:
    facts = {
        "plan": plan_digest(plan),
        "sha": str(plan.sha or ""),
        "pending": ", ".join(plan.pending),
        "steps": str(len(plan.steps)),
    }
    return await session.write(
        PlanIs(plan), StepsAdded(rows_of(plan.steps, 0)), entries=(session.entry("planned", facts),)
    )


async def _seal_and_open_gate(session: RunSession, run: Run, plan: Plan) -> Run:
    now = session.now()
    sealed = await _sealed(session, run, plan)
    within = proof_within(session, run, sealed)
    if within is not None:
        sealed = with_proof(sealed, await require_proof(session, run, within))
    digest = plan_digest(sealed)
    requirement = sealed.requirement
    rows = _rows_in_order(run, plan, sealed)
    if run.request.emergency is not None:
        return await _start_emergency(session, run, sealed, rows, now)
    if requirement.needs_no_approval:
        facts = {"plan": digest, "policy": session.target.policy.name, **waits_facts(run, now)}
        return await session.write(
            PlanIs(sealed),
            *rows,
            GateIs(Gate(GateState.APPROVED, digest, requirement, now, now + timedelta(minutes=30))),
            *begin_or_wait(run, now),
            entries=(session.entry("gate_waived", facts),),
        )
    start = run.request.start
    expires = now + requirement.expires
    expires_at = expires if start is None else min(expires, start.until)
    gate = Gate(GateState.OPEN, digest, requirement, now, expires_at, nonce=new_nonce())
    require_signable(session, replace(run, plan=sealed, gate=gate))
    return await session.write(
        PlanIs(sealed),
        *rows,
        GateIs(gate),
        MoveTo(RunState.AWAITING_APPROVAL, now),
        entries=(session.entry("gate_opened", asked_for(gate)),),
    )


def begin_or_wait(run: Run, now: datetime) -> tuple[ChangeStarts | MoveTo | WaitsUntil, ...]:
    """Give the changes of a run that has passed its gate: it begins, or waits for the time that was asked for.

    Args:
        run: at its gate, which it passes.
        now: with a time zone.
    """
    start = run.request.start
    if start is not None and now < start.at:
        return (MoveTo(RunState.QUEUED, now), WaitsUntil(start.at))
    return (ChangeStarts(now), MoveTo(RunState.RUNNING, now))


def waits_facts(run: Run, now: datetime) -> dict[str, str]:
    """Say for the history until when a run waits that passes its gate; empty where it begins.

    Args:
        run: at its gate, which it passes.
        now: with a time zone.
    """
    start = run.request.start
    return {"starts_at": start.at.isoformat()} if start is not None and now < start.at else {}


def _rows_in_order(run: Run, plan: Plan, sealed: Plan) -> tuple[StepIs, ...]:
    """Give the rows of steps that the evidence left out, as skipped, or put elsewhere, with their new position."""
    if sealed.steps == plan.steps or tuple(s.key for s in sealed.steps) == tuple(s.key for s in plan.steps):
        return ()
    kept = [step.key for step in sealed.steps]
    order = [*kept, *(step.key for step in plan.steps if step.key not in kept)]
    moved = (
        replace(row, position=order.index(row.key), state=row.state if row.key in kept else StepState.SKIPPED)
        for row in run.steps
        if row.key in order
    )
    return tuple(StepIs(row) for row in moved if row not in run.steps)


async def _start_emergency(session: RunSession, run: Run, sealed: Plan, rows: tuple[StepIs, ...], now: datetime) -> Run:
    """Start the change of an emergency at once; its gate stays open, to be countersigned afterwards."""
    requirement = sealed.requirement
    ends = now + requirement.expires
    gate = Gate(GateState.OPEN, plan_digest(sealed), requirement, now, ends, afterwards=True, nonce=new_nonce())
    require_signable(session, replace(run, plan=sealed, gate=gate))
    facts = {**asked_for(gate), "why": run.request.emergency or "", "policy": session.target.policy.name}
    return await session.write(
        PlanIs(sealed),
        *rows,
        GateIs(gate),
        ChangeStarts(now),
        MoveTo(RunState.RUNNING, now),
        entries=(session.entry("glass_broken", facts, actor=run.request.origin.user),),
    )


def new_nonce() -> str:
    """Make the nonce of a request to approve."""
    return os.urandom(16).hex()


def require_signable(session: RunSession, run: Run) -> None:
    """Make sure that a plan that is to be signed can be shown as it is.

    Args:
        session: of the run.
        run: with the sealed plan and the gate that is about to be opened.

    Raises:
        RefusedError: `plan_not_signable`, it has a secret in it.
    """
    is_signed = run.gate is not None and run.gate.requirement.asks_for_signatures
    if is_signed and text_to_sign(run, session.context.masker) is None:
        raise RefusedError(problem(Reason.PLAN_NOT_SIGNABLE))


def asked_for(gate: Gate) -> dict[str, str]:
    """Say for the history what a gate asks for."""
    return {
        "plan": gate.digest,
        "needed": str(gate.requirement.needed),
        "from": ", ".join(gate.requirement.people.names),
        "expires_at": gate.expires_at.isoformat(),
        "nonce": gate.nonce,
        **({"signed": "yes"} if gate.requirement.asks_for_signatures else {}),
    }


async def _sealed(session: RunSession, run: Run, plan: Plan) -> Plan:
    """Seal a plan for approval.

    The findings of the prepare phase, and a requested exception, can raise the requirement of its gate; with releases
    they decide whether the migrations or the switch comes first, and whether hosts may differ meanwhile.

    Raises:
        RefusedError: `no_override`, the policy has none; `needs_downtime`, it allows none and the migrations need it.
    """
    found = _findings(run, plan)
    look = session.context.target_reader.look(session.target)
    sealed = plan.sealed((*found, *await lost_values((*plan.findings, *found), look)))
    if isinstance(session.target.layout, Releases) and session.target.vars.get("maintenance") != "always":
        sealed = in_order(sealed)
        order = first_of(SwitchOrder, sealed.findings)
        if session.target.policy.downtime is Downtime.REFUSED and order is not None and order.takes_down:
            raise RefusedError(problem(Reason.NEEDS_DOWNTIME, why=order.reason.value, what=", ".join(order.what)))
    sealed = in_batches(sealed, session.target)
    name = session.target.name
    usual = usual_steps(sealed, await session.context.runs.of_target(name.app, name.environment, _PAST_RUNS))
    return requiring(session, run, sealed.sealed((usual,)) if usual is not None else sealed)


def requiring(session: RunSession, run: Run, sealed: Plan) -> Plan:
    """Give a sealed plan with what the policy requires for it.

    Raises:
        RefusedError: `no_override`, the policy has none.
    """
    policy, request = session.target.policy, run.request
    if request.emergency is not None:
        needed = policy.afterwards(request, destructive=sealed.may_destroy, restores=sealed.restores)
    elif sealed.may_destroy or request.during_freeze is not None:
        needed = policy.gate(request, destructive=sealed.may_destroy, restores=sealed.restores)
    else:
        return sealed
    return replace(sealed, requirement=needed)


def _findings(run: Run, plan: Plan) -> tuple[Finding, ...]:
    """Collect the findings of the prepare phase, which approvers see and the digest covers."""
    found: list[Finding] = []
    for step in plan.of(Phase.PREPARE):
        for row in run.rows(step.key):
            if isinstance(step.act, Dump):
                found.append(finding_of(BackupMade.kind, row.results))
            if isinstance(step.act, Prove) and found and found[-1].kind == BackupMade.kind:
                found[-1] = finding_of(BackupMade.kind, {**facts_of(found[-1]), **row.results})
            found += findings_of(row.facts)
    return tuple(found)
