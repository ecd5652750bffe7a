"""How long a run will still take, from past runs of its steps on the same target. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.domain.runs.batches import Batches
from bot.domain.runs.estimate import StepEstimate
from bot.domain.runs.maintenance import lifting_step, planned_downtime, site_is_down
from bot.domain.runs.plan import Phase
from bot.domain.runs.run import BEFORE_CHANGE, Run, StepState, step_state

_PAUSES = ""
"""Stands for the pauses between batches, which are no step."""

_OPEN = frozenset({StepState.PENDING, StepState.RUNNING})


@dataclass(frozen=True)
class Remaining:
    """How long a run will still take; None where a step that is left never ran before.

    Args:
        whole: seconds to its end, or to its gate while it prepares.
        site_up: seconds until the site is back; also None where it is not down.
    """

    whole: float | None = None
    site_up: float | None = None


def remaining(run: Run, usual: Mapping[str, StepEstimate], now: datetime) -> Remaining:
    """Estimate how long a run will still take.

    Args:
        run: its snapshot.
        usual: how long its steps usually take, by key.
        now: with a time zone.
    """
    before_gate = run.state in BEFORE_CHANGE
    keys = [key for key in run.step_order if (run.rows(key)[0].phase is Phase.PREPARE) is before_gate]
    divided = run.plan.batches if run.plan is not None else None
    left = {
        key: _in_batches(run, divided, key, usual.get(key))
        if divided is not None and key in divided.steps
        else _step_left(run, key, usual.get(key), now)
        for key in keys
    }
    if divided is not None and not before_gate:
        left[_PAUSES] = float(divided.pause * _pauses_left(run, divided))
    up = _step_that_lifts(run)
    until_up = keys[: keys.index(up) + 1] if up in keys and site_is_down(run) else []
    return Remaining(_sum(left.values()), _sum(left[key] for key in until_up) if until_up else None)


def _step_left(run: Run, key: str, usual: StepEstimate | None, now: datetime) -> float | None:
    rows = run.rows(key)
    state = step_state(rows)
    if state not in _OPEN:
        return 0.0
    if usual is None:
        return None
    started = [row.started_at for row in rows if row.started_at is not None]
    elapsed = (now - min(started)).total_seconds() if state is StepState.RUNNING and started else 0.0
    return max(usual.seconds - max(elapsed, 0.0), 0.0)


def _in_batches(run: Run, divided: Batches, key: str, usual: StepEstimate | None) -> float | None:
    """Estimate a step that goes from batch to batch: as long as on one host, for each batch that is left."""
    over = {row.place for row in run.rows(key) if row.state not in _OPEN}
    left = sum(1 for hosts in divided.hosts if set(hosts) - over)
    return 0.0 if not left else None if usual is None else usual.seconds * left


def _pauses_left(run: Run, divided: Batches) -> int:
    """Count the batches that are still to be waited for."""
    begun = {row.place for row in run.steps if row.key in divided.steps and row.state is not StepState.PENDING}
    return sum(1 for hosts in divided.hosts[1:] if not begun & set(hosts))


def _step_that_lifts(run: Run) -> str:
    """Name the step that brings the site up; empty where none does."""
    pair = planned_downtime(run.plan) if run.plan is not None else None
    lifting = lifting_step(run.plan)
    return pair[1] if pair is not None else lifting.key if lifting is not None else ""


def _sum(seconds: Iterable[float | None]) -> float | None:
    known = list(seconds)
    return None if None in known else sum(each for each in known if each is not None)
