"""When people are reminded: at most twice before a gate expires, and on and on after an emergency."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.policies.people import ANYONE
from bot.domain.policies.policy import COUNTERSIGN_WITHIN, Requirement
from bot.domain.runs.approval import GateState
from bot.domain.runs.reminders import due, is_overdue, next_moment
from bot.domain.runs.run import Gate

OPENED = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)


def gate(expires: timedelta, *, afterwards: bool = False) -> Gate:
    needs = Requirement(1, ANYONE, expires, allow_requester=False)
    return Gate(GateState.OPEN, "0" * 64, needs, OPENED, OPENED + expires, afterwards=afterwards)


def reminded(waiting: Gate, *after: timedelta) -> list[timedelta]:
    """Give when somebody who looks at certain moments reminds, as spans since the gate was opened."""
    told = []
    for span in after:
        moment = due(waiting, OPENED + span)
        if moment is not None:
            told.append(moment - OPENED)
            waiting = replace(waiting, reminded_at=moment)
    return told


def minutes(*numbers: float) -> list[timedelta]:
    return [timedelta(minutes=number) for number in numbers]


@pytest.mark.parametrize(
    ("expires", "moments"),
    [
        (timedelta(minutes=30), minutes(15, 27)),
        (timedelta(hours=24), minutes(720, 1425)),
        (timedelta(hours=2), minutes(60, 108)),
        (timedelta(seconds=30), minutes(0.25, 0.45)),
    ],
)
def test_two_reminders_half_way_and_shortly_before_the_end(expires: timedelta, moments: list[timedelta]) -> None:
    waiting = gate(expires)
    every_second = [expires * step / 1000 for step in range(1001)]
    assert reminded(waiting, *every_second) == moments
    assert next_moment(waiting, OPENED) == OPENED + moments[0]
    assert next_moment(waiting, OPENED + moments[0]) == OPENED + moments[1]
    assert next_moment(waiting, OPENED + moments[1]) is None


def test_of_several_that_were_missed_the_latest_alone_is_made_up_for() -> None:
    assert reminded(gate(timedelta(minutes=30)), *minutes(28, 29)) == minutes(27)


@pytest.mark.parametrize("state", [state for state in GateState if state is not GateState.OPEN])
def test_nobody_is_reminded_of_what_is_decided(state: GateState) -> None:
    assert due(replace(gate(timedelta(minutes=30)), state=state), OPENED + timedelta(minutes=20)) is None


def test_nobody_is_reminded_of_what_has_expired() -> None:
    assert due(gate(timedelta(minutes=30)), OPENED + timedelta(minutes=30)) is None


def test_an_emergency_is_asked_about_within_its_day_and_every_day_after() -> None:
    owed = gate(COUNTERSIGN_WITHIN, afterwards=True)
    hourly = [timedelta(hours=hour) for hour in range(24 * 4 + 1)]
    assert [span / timedelta(hours=1) for span in reminded(owed, *hourly)] == [1, 4, 12, 23, 24, 48, 72, 96]
    assert not is_overdue(owed, OPENED + timedelta(hours=23, minutes=59))
    assert is_overdue(owed, OPENED + timedelta(hours=24))
    assert not is_overdue(replace(owed, state=GateState.APPROVED), OPENED + timedelta(days=9))


spans = st.timedeltas(timedelta(0), timedelta(days=40))


@given(st.timedeltas(timedelta(seconds=1), timedelta(days=30)), st.booleans(), st.lists(spans, max_size=30))
def test_no_moment_is_told_twice_even_if_the_clock_goes_back(
    expires: timedelta, afterwards: bool, looks: list[timedelta]
) -> None:
    told = reminded(gate(expires, afterwards=afterwards), *looks)
    assert told == sorted(set(told))
    assert afterwards or len(told) <= 2
