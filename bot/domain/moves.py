"""What may be done with a run that waits for a person: only the moves that are legal now."""

from __future__ import annotations

from enum import StrEnum

from bot.domain.errors import Reason
from bot.domain.plan import DropCopy, Phase, Step, Swap
from bot.domain.run import Run, RunState, StepState, step_state

RESUME = "resume"
"""The option of a request that names the run it goes on after."""

MOVE = "move"
"""The option of such a request that says which decision it is."""


class Move(StrEnum):
    """A decision about a run in `needs_human`. Each but closing becomes a run of its own, with its own gate."""

    RETRY = "retry"
    """Start the step again that failed, and go on behind it."""
    MARK_DONE = "done"
    """A person has seen to the step that failed: go on behind it."""
    LIFT = "lift"
    """Lift the maintenance that the run began, and do nothing else."""
    CLOSE = "close"
    """The person has seen to everything; the target is free again."""


def troubled(run: Run) -> Step | None:
    """Give the step of the change phase at which a run stopped, or None."""
    if run.plan is None:
        return None
    bad = {StepState.FAILED, StepState.UNKNOWN}
    return next((step for step in run.plan.of(Phase.CHANGE) if _state(run, step) in bad), None)


def steps_left(run: Run, move: Move) -> tuple[Step, ...]:
    """Give the steps of the change phase that a move would run, in order.

    Args:
        run: in `needs_human`.
        move: the decision.
    """
    if run.plan is None or move is Move.CLOSE:
        return ()
    left = tuple(step for step in run.plan.of(Phase.CHANGE) if _state(run, step) is not StepState.DONE)
    if move is Move.LIFT:
        return tuple(step for step in left if _lifts(run, step))
    left = tuple(step for step in left if step.undoes is None or _lifts(run, step))
    stopped = troubled(run)
    return left if move is Move.RETRY else tuple(step for step in left if step != stopped)


def legal_moves(run: Run) -> tuple[Move, ...]:
    """Give the moves that are legal now, the boldest last.

    Args:
        run: any run; one that does not wait for a person has none.

    Returns:
        Never a retry while the step's processes may still be running, nor of a swap: where the tables are is a person's
        to see first.
    """
    if run.state is not RunState.NEEDS_HUMAN:
        return ()
    moves: list[Move] = []
    stopped = troubled(run)
    if stopped is not None:
        running = any(row.problem and row.problem.reason is Reason.STILL_RUNNING for row in run.rows(stopped.key))
        moves += [] if running or isinstance(stopped.act, Swap) else [Move.RETRY]
        moves.append(Move.MARK_DONE)
    if steps_left(run, Move.LIFT):
        moves.append(Move.LIFT)
    return (*moves, Move.CLOSE)


def _state(run: Run, step: Step) -> StepState:
    rows = run.rows(step.key)
    return step_state(rows) if rows else StepState.PENDING


def _lifts(run: Run, step: Step) -> bool:
    """Whether a step undoes something that this run did; a copy may hold what was live, and stays."""
    undoes = step.undoes is not None and any(row.state is StepState.DONE for row in run.rows(step.undoes))
    return undoes and not isinstance(step.act, DropCopy)
