"""Whether a run took the site down, for how long, and whether it is up again."""

from __future__ import annotations

from datetime import datetime

from bot.domain.runs.findings import AlreadyDown, first_of
from bot.domain.runs.plan import Plan, Step
from bot.domain.runs.run import Run, StepState, step_state

_MAINTENANCE = "maintenance"
"""What the key of a step that takes the site down contains."""


def _takes_down(plan: Plan | None) -> tuple[Step, Step] | None:
    """Find the step that takes the site down, and the one that brings it up."""
    if plan is None:
        return None
    by_key = {step.key: step for step in plan.steps}
    for up in plan.steps:
        if up.undoes in by_key and _MAINTENANCE in (up.undoes or ""):
            return by_key[up.undoes], up
    return None


def planned_downtime(plan: Plan) -> tuple[str, str] | None:
    """Return the keys of the steps that begin and end maintenance; None where the site stays up."""
    pair = _takes_down(plan)
    return (pair[0].key, pair[1].key) if pair else None


def downtime(run: Run) -> float | None:
    """Return the site's downtime in seconds; None where it stayed up or is not known to be up again."""
    pair = _takes_down(run.plan)
    if pair is None:
        return None
    down = [row.ended_at for row in run.rows(pair[0].key) if row.state is StepState.DONE and row.ended_at]
    up = [row.ended_at for row in run.rows(pair[1].key) if row.state is StepState.DONE and row.ended_at]
    return max((max(up) - min(down)).total_seconds(), 0.0) if down and up else None


def down_since(run: Run) -> datetime | None:
    """Return when a run took the site down; None where it is up or that is unknown."""
    pair = _takes_down(run.plan)
    if pair is None or not site_is_down(run):
        return None
    return min((row.ended_at for row in run.rows(pair[0].key) if row.ended_at), default=None)


def site_is_down(run: Run) -> bool | None:
    """Return whether this run has left the site in maintenance; None where that is unknown."""
    pair = _takes_down(run.plan)
    if pair is None:
        return _still_down(run)
    downs = {row.place: row.state for row in run.rows(pair[0].key)}
    ups = {row.place: row.state for row in run.rows(pair[1].key)}
    touched = [place for place, state in downs.items() if state not in (StepState.PENDING, StepState.SKIPPED)]
    still = [place for place in touched if ups.get(place) is not StepState.DONE]
    if not still:
        return False
    certain = all(downs[place] is StepState.DONE and ups.get(place) is not StepState.UNKNOWN for place in still)
    return True if certain else None


def lifting_step(plan: Plan | None) -> Step | None:
    """Return the step that ends the maintenance of an earlier run; None where there is none."""
    steps = plan.steps if plan is not None else ()
    keys = {step.key for step in steps}
    return next((s for s in steps if s.undoes is not None and _MAINTENANCE in s.undoes and s.undoes not in keys), None)


def _still_down(run: Run) -> bool | None:
    """Return whether the site is still in the maintenance of an earlier run; None where that is unknown."""
    step = lifting_step(run.plan)
    rows = run.rows(step.key) if step is not None else ()
    if not rows:
        return False
    state = step_state(rows)
    return None if state is StepState.UNKNOWN else state is not StepState.DONE


def was_down_before(run: Run) -> bool:
    """Return whether the site was in maintenance before this run, which leaves it so."""
    return run.plan is not None and first_of(AlreadyDown, run.plan.findings) is not None


def concerns_maintenance(run: Run) -> bool:
    """Return whether a run takes the site down, brings it up, or found it down."""
    return _takes_down(run.plan) is not None or lifting_step(run.plan) is not None or was_down_before(run)
