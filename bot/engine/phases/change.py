"""The change behind the gate, undoing after a failure, and the verification."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.runs.plan import OnFailure, Phase, Plan, Risk, Step
from bot.domain.runs.rollout import stages
from bot.domain.runs.rollout_progress import is_partly_rolled_out
from bot.domain.runs.run import Run, RunState, StepRow, StepState
from bot.domain.runs.stretches import checks_at_once, first_reads, open_stretch
from bot.engine.phases.gate import nothing_changed_yet, passing_problem, void
from bot.engine.phases.rehearsal import ask_again, rehearse
from bot.engine.phases.stages import begun, first_bad, perform_stage, problem_of_step, settled
from bot.engine.phases.watch import watch_after
from bot.engine.run_changes import MoveTo, StepIs
from bot.engine.run_session import RunSession


async def change(session: RunSession, run: Run) -> Run:
    """Perform the change phase: from `running` to `verifying`, or to the end of the run.

    After a crash the hosts are asked about every begun step, and only steps that never began are started.

    Args:
        session: of the run.
        run: as it was last read.

    Returns:
        The run in its next state.

    Raises:
        LeaseLostError: another owner has the run.
    """
    plan = _plan(run)
    if nothing_changed_yet(run):
        stopped = await _pass_gate(session, run, plan)
        if stopped is not None:
            return stopped
    for stage in stages(plan):
        stop = await perform_stage(session, plan, stage)
        if stop is not None:
            return await _stop(session, plan, stop.step, stop.problem)
    return await session.write(MoveTo(RunState.VERIFYING, session.now()))


async def _pass_gate(session: RunSession, run: Run, plan: Plan) -> Run | None:
    """Check that the approval stands, and rehearse first where the policy puts that behind the gate.

    Returns:
        The run if it ended or is back at its gate; None if the first change may start.
    """
    if not plan.of(Phase.REHEARSAL):
        return await _pass_beside_reading(session, run, plan)
    found = await passing_problem(session, run)
    if found is not None:
        return await void(session, run, found)
    stop = await rehearse(session, plan)
    if stop is not None:
        state = RunState.CANCELLED if (await session.read()).cancelled_by else RunState.FAILED
        return await _end(session, state, stop)
    run = await session.read()
    try:
        waiting = await ask_again(session, run, plan)
    except RefusedError as refusal:
        return await void(session, run, refusal.problem)
    if waiting is not None:
        return waiting
    # The rehearsal took its time: what was approved must stand just before the first change.
    return await _pass_beside_reading(session, run, plan)


async def _pass_beside_reading(session: RunSession, run: Run, plan: Plan) -> Run | None:
    """Check that the approval stands, and do meanwhile what the change begins with and only reads.

    Returns:
        The run if it ended; None if the first change may start.
    """
    reading = asyncio.create_task(_read_first(session, plan))
    try:
        found = await passing_problem(session, run, reading)
        await reading
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    return None if found is None else await void(session, await session.read(), found)


async def _read_first(session: RunSession, plan: Plan) -> None:
    """Perform what the change begins with and only reads; stop at what is not done."""
    for step in first_reads(plan):
        run = await session.read()
        rows = run.rows(step.key)
        if run.cancelled_by and not begun(rows):
            return
        if not settled(rows):
            rows = await session.execution.step(run, step)
            session.context.run_observer.run_changed(session.run_id)
        if not settled(rows):
            return


async def verify(session: RunSession, run: Run) -> Run:
    """Perform the verify phase to the end of the run; a failed check does not keep the others from being made.

    Commands are run in order. What the bot itself reads between two of them (the framework's list, the schema, the
    health URL) it reads at the same time.

    Args:
        session: of the run.
        run: as it was last read.

    Returns:
        The ended run.

    Raises:
        LeaseLostError: another owner has the run.
    """
    wrong: Problem | None = None
    run = await session.read()
    for steps in checks_at_once(_plan(run).of(Phase.VERIFY)):
        if run.cancelled_by:
            found = problem(Reason.CANCELLED, by=run.cancelled_by, phase=Phase.VERIFY.value)
            return await _end(session, RunState.CANCELLED, found)
        left = tuple(step for step in steps if not settled(run.rows(step.key)))
        if left:
            await session.execution.steps(run, left)
            session.context.run_observer.run_changed(session.run_id)
            run = await session.read()
        bad = next(filter(None, (first_bad(run.rows(step.key)) for step in steps)), None)
        if bad is not None and wrong is None:
            wrong = problem_of_step(bad)
    if wrong is not None:
        return await _end(session, RunState.FAILED, wrong)
    return await _end(session, RunState.SUCCEEDED, None)


async def _close_stretch(session: RunSession, plan: Plan) -> Problem | None:
    """Make void what a host was given and has not begun.

    Returns:
        The reason why nothing may be undone: one has begun and nobody knows how it ended, or it failed and is held.
    """
    run = await session.read()
    rows = open_stretch(run)
    if not rows:
        return None
    steps = {step.key: step for step in plan.steps}
    await session.execution.close_stretch(run, steps, rows)
    run = await session.read()
    closed = [row for before in rows for row in run.rows(before.key)]
    held = (row for row in closed if _is_held(row, steps[row.key]))
    return next((problem_of_step(row) for row in held), None)


def _is_held(row: StepRow, step: Step) -> bool:
    if row.state in {StepState.UNKNOWN, StepState.RUNNING}:
        return True
    return row.state is StepState.FAILED and step.on_failure is OnFailure.HOLD


async def _stop(session: RunSession, plan: Plan, step: Step, found: Problem) -> Run:
    """Undo after a failure, and end the run or hand it to a person."""
    doubtful = await _close_stretch(session, plan)
    if doubtful is not None:
        return await _needs_human(session, doubtful)
    run = await session.read()
    if is_partly_rolled_out(run):
        # Hosts have different code: which way they are made the same is a person's decision.
        return await _needs_human(session, found)
    rows = run.rows_of(step)
    ran = begun(rows)
    unknown = any(row.state is StepState.UNKNOWN for row in rows) and step.risk is not Risk.READS
    doubt = unknown and step.on_failure is OnFailure.HOLD_IN_DOUBT
    if ran and (doubt or step.on_failure is OnFailure.HOLD):
        return await _needs_human(session, found)
    if run.request.resumes is not None and any(begun(run.rows(one.key)) for one in plan.of(Phase.CHANGE)):
        # what an earlier run began, such as maintenance mode, is still in effect
        return await _needs_human(session, found)
    failed_undo = await _undo(session, plan)
    if failed_undo is not None:
        return await _needs_human(session, failed_undo)
    if unknown:
        return await _needs_human(session, found)
    run = await session.read()
    if run.cancelled_by and found.reason in {Reason.CANCELLED, Reason.NOT_TAKEN_EFFECT}:
        return await _end(session, RunState.CANCELLED, found)
    return await _end(session, RunState.FAILED, found)


async def _undo(session: RunSession, plan: Plan) -> Problem | None:
    """Run the undoing steps where their steps were done; give the problem of the first that failed."""
    for step in plan.of(Phase.CHANGE):
        if step.undoes is None:
            continue
        run = await session.read()
        done_at = {row.place for row in run.rows(step.undoes) if row.state is StepState.DONE}
        for row in run.rows(step.key):
            if row.place not in done_at and row.state is StepState.PENDING:
                await session.write(StepIs(replace(row, state=StepState.SKIPPED)))
        run = await session.read()
        if not settled(run.rows(step.key)):
            rows = await session.execution.step(run, step)
            session.context.run_observer.run_changed(session.run_id)
            bad = first_bad(rows)
            if bad is not None:
                return problem_of_step(bad)
    return None


async def _needs_human(session: RunSession, found: Problem) -> Run:
    facts = {"reason": found.reason.value, **found.facts}
    return await session.write(
        MoveTo(RunState.NEEDS_HUMAN, session.now(), found), entries=(session.entry("needs_human", facts),)
    )


async def _end(session: RunSession, state: RunState, found: Problem | None) -> Run:
    run = await session.read()
    left = tuple(StepIs(replace(row, state=StepState.SKIPPED)) for row in run.steps if row.state is StepState.PENDING)
    facts = {} if found is None else {"reason": found.reason.value, **found.facts}
    now = session.now()
    watched = watch_after(run, session.target, now) if state is RunState.SUCCEEDED else ()
    return await session.write(
        *left, MoveTo(state, now, found), *watched, entries=(session.entry(f"run_{state.value}", facts),)
    )


def _plan(run: Run) -> Plan:
    if run.plan is None:
        raise LookupError(f"run {run.id} is {run.state} without a plan")
    return run.plan
