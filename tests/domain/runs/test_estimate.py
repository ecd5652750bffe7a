"""How long a step usually takes, and when it is late."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.runs.estimate import StepEstimate, estimate_of


@pytest.mark.parametrize(
    ("past", "usual"),
    [
        ([], None),
        ([3.0], StepEstimate(3.0, 6.0)),
        ([4.0, 2.0], StepEstimate(3.0, 8.0)),
        ([1.0, 2.0, 3.0, 4.0, 50.0], StepEstimate(3.0, 50.0)),
        ([float(second) for second in range(1, 21)], StepEstimate(10.5, 19.0)),
        ([float(second) for second in range(1, 101)], StepEstimate(50.5, 95.0)),
    ],
)
def test_the_median_and_the_mark_beyond_which_it_is_late(past: list[float], usual: StepEstimate | None) -> None:
    assert estimate_of(past) == usual


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=20))
def test_at_most_one_time_in_twenty_of_the_past_would_be_called_late(past: list[float]) -> None:
    usual = estimate_of(past)
    assert usual is not None
    assert sum(map(usual.is_late, past)) <= len(past) / 20
    assert not usual.is_late(usual.seconds)
