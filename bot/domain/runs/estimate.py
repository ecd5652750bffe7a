"""Estimates of how long a step takes, from past runs on the same target, and when it is late."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

MAX_PAST_TIMES = 50
"""Number of latest durations to consider; those of a year ago are not representative."""

_ENOUGH = 5
"""Minimum number of durations for a 95th percentile."""

_LATE_PERCENT = 95

_LEAST_LATE = 1.0
"""Seconds within which no step is late: a connection alone may take that long."""


@dataclass(frozen=True)
class StepEstimate:
    """How long a step is expected to take.

    Args:
        seconds: the median of the past.
        late_after: seconds after which it is late: the 95th percentile, or twice the longest duration if there are few.
    """

    seconds: float
    late_after: float

    def is_late(self, elapsed: float) -> bool:
        """Say whether a step that has run for a number of seconds is late."""
        return elapsed > max(self.late_after, _LEAST_LATE)


def estimate_of(past: Sequence[float]) -> StepEstimate | None:
    """Estimate a step from its past.

    Args:
        past: durations in seconds, in any order.

    Returns:
        None if there is no past.
    """
    if not past:
        return None
    ordered = sorted(past)
    if len(ordered) < _ENOUGH:
        return StepEstimate(median(ordered), ordered[-1] * 2)
    nearest_rank = math.ceil(len(ordered) * _LATE_PERCENT / 100)
    return StepEstimate(median(ordered), ordered[nearest_rank - 1])
