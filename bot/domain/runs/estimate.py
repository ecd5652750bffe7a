"""How long a step usually takes, from its past on the same target; and when it is late."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

MAX_PAST_TIMES = 50
"""So many of the latest times are looked at: what a step took a year ago says little."""

_ENOUGH = 5
"""Of fewer times nobody can say which is beyond the 95th percentile."""

_LATE_PERCENT = 95


@dataclass(frozen=True)
class StepEstimate:
    """What is known of a step's past.

    Args:
        seconds: the median.
        late_after: seconds beyond which it takes longer than nearly ever: the 95th percentile, or twice the longest
            where there are few times.
    """

    seconds: float
    late_after: float

    def is_late(self, elapsed: float) -> bool:
        """Say whether a step that runs for so many seconds is late."""
        return elapsed > self.late_after


def estimate_of(past: Sequence[float]) -> StepEstimate | None:
    """Judge the past of a step.

    Args:
        past: seconds that it took, in any order.

    Returns:
        None where there is no past.
    """
    if not past:
        return None
    ordered = sorted(past)
    if len(ordered) < _ENOUGH:
        return StepEstimate(median(ordered), ordered[-1] * 2)
    nearest_rank = math.ceil(len(ordered) * _LATE_PERCENT / 100)
    return StepEstimate(median(ordered), ordered[nearest_rank - 1])
