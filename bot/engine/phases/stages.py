"""The stages of a change: steps one after the other, and between batches of hosts the wait for the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.runs.plan import Phase, Plan, Risk, Step
from bot.domain.runs.rollout import Stage
from bot.domain.runs.rollout_progress import batch_begins_at, is_untouched_batch
from bot.domain.runs.run import Run, StepRow, StepState, step_state
from bot.domain.runs.stretches import next_stretch
from bot.engine.phases.gate import approval_withdrawn, nothing_changed_yet
from bot.engine.run_session import RunSession

_LONGEST_PAUSE = 5.0
"""Seconds between two looks at a run that waits for its next batch."""


@dataclass(frozen=True)
class Stop:
    """Why a run stops.

    Args:
        step: at which, for some of its places where it goes from batch to batch.
        problem: why.
    """

    step: Step
    problem: Problem


async def perform_stage(session: RunSession, plan: Plan, stage: Stage) -> Stop | None:
    """Perform the lanes of a stage beside each other; each that was begun goes to its own end.

    Args:
        session: of the run.
        plan: of the run.
        stage: of the plan.

    Returns:
        Why the run stops, or None.

    Raises:
        LeaseLostError: another owner has the run.
    """
    run = await session.read()
    lanes = [lane for lane in stage.lanes if any(not settled(run.rows_of(step)) for step in lane)]
    if not lanes:
        return None
    judge = _before_step
    if stage.batch:
        stop = await _before_batch(session, plan, stage.batch, lanes)
        if stop is not None:
            return Stop(lanes[0][0], stop)
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
) -> Stop | None:
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
        if stop is None and not settled(run.rows_of(step)):
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
            return Stop(step, stop)
        left = tuple(one for one in left if not settled(run.rows_of(one)))
    return None


async def _before_step(session: RunSession, run: Run, plan: Plan, step: Step) -> Problem | None:
    """Give the reason why a step must not start, or None."""
    if begun(run.rows_of(step)):
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
    if run.cancelled_by and not begun(run.rows_of(step)):
        return problem(Reason.CANCELLED, by=run.cancelled_by)
    return None


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
    bad = first_bad(rows)
    if bad is None:
        return None
    unknown = next((row for row in rows if row.state is StepState.UNKNOWN), None)
    return problem_of_step(unknown or bad)


def _first_stop(run: Run, steps: tuple[Step, ...]) -> tuple[Step, Problem | None]:
    """Give the first of some steps after which the run stops, and why; with no reason where it goes on."""
    for step in steps:
        rows = run.rows_of(step)
        stop = _stop_after(rows, step) if begun(rows) else None
        if stop is not None:
            return step, stop
    return steps[0], None


def begun(rows: tuple[StepRow, ...]) -> bool:
    """Whether a step was begun at any of its places."""
    return any(row.state is not StepState.PENDING for row in rows)


def settled(rows: tuple[StepRow, ...]) -> bool:
    """Whether nothing is left to be done of a step."""
    return step_state(rows) in {StepState.DONE, StepState.SKIPPED}


def first_bad(rows: tuple[StepRow, ...]) -> StepRow | None:
    """Give the first row that was not done, or None."""
    return next((row for row in rows if row.state not in {StepState.DONE, StepState.SKIPPED}), None)


def problem_of_step(row: StepRow) -> Problem:
    """Give why a step was not done, with its name and its place."""
    found = row.problem or problem(Reason.INTERNAL)
    return Problem(found.reason, {"step": row.key, "title": row.title, "place": row.place, **found.facts})
