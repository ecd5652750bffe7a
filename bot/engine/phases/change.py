"""The change behind the gate, undoing after a failure, and the verification."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.runs.plan import OnFailure, Phase, Plan, Risk, Step
from bot.domain.runs.rollout import Stage, stages
from bot.domain.runs.rollout_progress import batch_begins_at, is_partly_rolled_out, is_untouched_batch
from bot.domain.runs.run import Run, RunState, StepRow, StepState, step_state
from bot.domain.runs.stretches import checks_at_once, first_reads, next_stretch, open_stretch
from bot.engine.phases.gate import approval_withdrawn, nothing_changed_yet, passing_problem, void
from bot.engine.phases.rehearsal import ask_again, rehearse
from bot.engine.phases.watch import watch_after
from bot.engine.run_changes import MoveTo, StepIs
from bot.engine.run_session import RunSession

_LONGEST_PAUSE = 5.0
"""Seconds between two looks at a run that waits for its next batch."""


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
        stop = await _perform_stage(session, plan, stage)
        if stop is not None:
            return await _stop(session, plan, stop.step, stop.problem)
    return await session.write(MoveTo(RunState.VERIFYING, session.now()))


@dataclass(frozen=True)
class _Stop:
    """Why a run stops.

    Args:
        step: at which, for some of its places where it goes from batch to batch.
        problem: why.
    """

    step: Step
    problem: Problem


async def _perform_stage(session: RunSession, plan: Plan, stage: Stage) -> _Stop | None:
    """Perform the lanes of a stage beside each other; each that was begun goes to its own end.

    Returns:
        Why the run stops, or None.
    """
    run = await session.read()
    lanes = [lane for lane in stage.lanes if any(not _settled(run.rows_of(step)) for step in lane)]
    if not lanes:
        return None
    judge = _before_step
    if stage.batch:
        stop = await _before_batch(session, plan, stage.batch, lanes)
        if stop is not None:
            return _Stop(lanes[0][0], stop)
        judge = _before_step_of_batch
        run = await session.read()
    tasks = [asyncio.create_task(_perform_lane(session, run, plan, lane, judge)) for lane in lanes]
    try:
        stops = [stop for stop in await asyncio.gather(*tasks) if stop is not None]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return min(stops, key=lambda stop: stop.problem.reason is Reason.CANCELLED, default=None)


async def _before_batch(
    session: RunSession, plan: Plan, batch: int, lanes: Sequence[tuple[Step, ...]]
) -> Problem | None:
    """Wait until a batch may begin, and judge once for all of its hosts whether it may.

    The time follows from what is stored, so that a crash neither adds nor loses any.

    Returns:
        Why it must not begin, or None.
    """
    while True:
        run = await session.read()
        if run.cancelled_by and is_untouched_batch(run, batch):
            return problem(Reason.CANCELLED, by=run.cancelled_by)
        begins_at = batch_begins_at(run, batch)
        left = (begins_at - session.now()).total_seconds() if begins_at is not None else 0
        if left <= 0:
            break
        await session.pause(min(left, _LONGEST_PAUSE))
    first = {step.risk: step for lane in lanes for step in reversed(lane)}
    graver = [step for step in first.values() if _is_first_of_its_risk(run, step)]
    return await _before_step(session, run, plan, graver[0]) if graver else None


async def _perform_lane(
    session: RunSession, run: Run, plan: Plan, left: tuple[Step, ...], judge: _Judge
) -> _Stop | None:
    """Perform steps one after the other, each at its places.

    Args:
        session: of the run.
        run: as it was just read.
        plan: of the run.
        left: the steps.
        judge: says before each whether it may begin.

    Returns:
        Why the run stops, or None.
    """
    observer = session.context.run_observer
    while left:
        step = left[0]
        stop = await judge(session, run, plan, step)
        if stop is None and not _settled(run.rows_of(step)):
            stretch = next_stretch(left, run)
            if plan.of(Phase.CHANGE)[-1].key == stretch[-1].key:
                session.context.target_reader.prepare(session.target)  # it is looked at right behind the change
            if len(stretch) > 1:
                await session.execution.stretch(run, stretch, partial(observer.run_changed, session.run_id))
                # What has ended is judged one by one, as if each had been performed alone.
                run = await session.read()
                step, stop = _first_stop(run, stretch)
            else:
                rows = await session.execution.step(run, step)
                observer.run_changed(session.run_id)
                stop = _stop_after(rows, step)
                run = await session.read()
        if stop is not None:
            return _Stop(step, stop)
        left = tuple(one for one in left if not _settled(run.rows_of(one)))
    return None


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
        if run.cancelled_by and not _begun(rows):
            return
        if not _settled(rows):
            rows = await session.execution.step(run, step)
            session.context.run_observer.run_changed(session.run_id)
        if not _settled(rows):
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
    first_bad: Problem | None = None
    run = await session.read()
    for steps in checks_at_once(_plan(run).of(Phase.VERIFY)):
        if run.cancelled_by:
            found = problem(Reason.CANCELLED, by=run.cancelled_by, phase=Phase.VERIFY.value)
            return await _end(session, RunState.CANCELLED, found)
        left = tuple(step for step in steps if not _settled(run.rows(step.key)))
        if left:
            await session.execution.steps(run, left)
            session.context.run_observer.run_changed(session.run_id)
            run = await session.read()
        bad = next(filter(None, (_first_bad(run.rows(step.key)) for step in steps)), None)
        if bad is not None and first_bad is None:
            first_bad = _problem_of_step(bad)
    if first_bad is not None:
        return await _end(session, RunState.FAILED, first_bad)
    return await _end(session, RunState.SUCCEEDED, None)


async def _before_step(session: RunSession, run: Run, plan: Plan, step: Step) -> Problem | None:
    """Give the reason why a step must not start, or None."""
    if _begun(run.rows_of(step)):
        return None
    if run.cancelled_by:
        return problem(Reason.CANCELLED, by=run.cancelled_by)
    if step.schema:
        planner, look = session.planner(run), session.context.target_reader.look(session.target)
        try:
            left = await planner.pending(session.revealed(plan), session.target, look)
        except RefusedError as refusal:
            return refusal.problem
        if session.hidden(left) != plan.migrations:
            facts = {"pending migrations": f"{', '.join(plan.migrations)} → {', '.join(left) or 'nothing'}"}
            return Problem(Reason.MOVED, facts)
    if _is_first_of_its_risk(run, step) and not nothing_changed_yet(run):
        return await approval_withdrawn(session, run)
    return None


async def _before_step_of_batch(session: RunSession, run: Run, plan: Plan, step: Step) -> Problem | None:
    """Give the reason why a step must not start whose batch was judged as a whole, or None."""
    begun = _begun(run.rows_of(step))
    return problem(Reason.CANCELLED, by=run.cancelled_by) if run.cancelled_by and not begun else None


_Judge = Callable[[RunSession, Run, Plan, Step], Awaitable[Problem | None]]
"""Gives the reason why a step must not start, or None."""


def _is_first_of_its_risk(run: Run, step: Step) -> bool:
    """Whether nothing as grave as a step was begun behind the gate: nothing that destroys, or nothing that changes."""
    if step.risk is Risk.READS:
        return False
    as_grave = {Risk.DESTROYS} if step.risk is Risk.DESTROYS else {Risk.CHANGES, Risk.DESTROYS}
    behind = (row for row in run.steps if row.phase is Phase.CHANGE and row.risk in as_grave)
    return all(row.state is StepState.PENDING for row in behind)


def _stop_after(rows: tuple[StepRow, ...], step: Step) -> Problem | None:
    """Give the reason why the run stops after a step, or None where it was done everywhere."""
    bad = _first_bad(rows)
    if bad is None:
        return None
    unknown = next((row for row in rows if row.state is StepState.UNKNOWN), None)
    return _problem_of_step(unknown or bad)


def _first_stop(run: Run, steps: tuple[Step, ...]) -> tuple[Step, Problem | None]:
    """Give the first of some steps after which the run stops, and why; with no reason where it goes on."""
    for step in steps:
        rows = run.rows_of(step)
        stop = _stop_after(rows, step) if _begun(rows) else None
        if stop is not None:
            return step, stop
    return steps[0], None


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
    return next((_problem_of_step(row) for row in held), None)


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
    ran = _begun(rows)
    unknown = any(row.state is StepState.UNKNOWN for row in rows) and step.risk is not Risk.READS
    doubt = unknown and step.on_failure is OnFailure.HOLD_IN_DOUBT
    if ran and (doubt or step.on_failure is OnFailure.HOLD):
        return await _needs_human(session, found)
    if run.request.resumes is not None and any(_begun(run.rows(one.key)) for one in plan.of(Phase.CHANGE)):
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
        if not _settled(run.rows(step.key)):
            rows = await session.execution.step(run, step)
            session.context.run_observer.run_changed(session.run_id)
            bad = _first_bad(rows)
            if bad is not None:
                return _problem_of_step(bad)
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


def _begun(rows: tuple[StepRow, ...]) -> bool:
    return any(row.state is not StepState.PENDING for row in rows)


def _settled(rows: tuple[StepRow, ...]) -> bool:
    return step_state(rows) in {StepState.DONE, StepState.SKIPPED}


def _first_bad(rows: tuple[StepRow, ...]) -> StepRow | None:
    return next((row for row in rows if row.state not in {StepState.DONE, StepState.SKIPPED}), None)


def _problem_of_step(row: StepRow) -> Problem:
    found = row.problem or problem(Reason.INTERNAL)
    return Problem(found.reason, {"step": row.key, "title": row.title, "place": row.place, **found.facts})


def _plan(run: Run) -> Plan:
    if run.plan is None:
        raise LookupError(f"run {run.id} is {run.state} without a plan")
    return run.plan
