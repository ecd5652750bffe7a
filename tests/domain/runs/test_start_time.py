"""What is typed behind `--at`, and the instant that it comes to, also when clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from bot.config.values import parse_week_time
from bot.domain.errors import Reason, RefusedError
from bot.domain.policies.freeze import Freeze, Weekday, WeeklyPeriod
from bot.domain.runs.start_time import LATENESS, ClockTime, NextWindow, StartTime, known_zone, read_time, start_time

PARIS = "Europe/Paris"
MONDAY = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)
"""13:00 in Paris."""


def period(start: str, end: str, zone: str = "UTC") -> WeeklyPeriod:
    return WeeklyPeriod(parse_week_time(start), parse_week_time(end), zone)


def freeze(start: str, end: str, zone: str = "UTC") -> Freeze:
    return Freeze(parse_week_time(start), parse_week_time(end), zone, "release freeze")


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("22:30", ClockTime(time(22, 30))),
        ("7:05", ClockTime(time(7, 5))),
        ("22h30", ClockTime(time(22, 30))),
        ("22:30:15", ClockTime(time(22, 30, 15))),
        ("Fri 22:30", ClockTime(time(22, 30), Weekday.FRI)),
        ("friday 22:30", ClockTime(time(22, 30), Weekday.FRI)),
        ("22:30 Europe/Paris", ClockTime(time(22, 30), None, PARIS)),
        ("22:30 europe/paris", ClockTime(time(22, 30), None, PARIS)),
        ("Fri 22:30 utc", ClockTime(time(22, 30), Weekday.FRI, "UTC")),
        ("“22:30”", ClockTime(time(22, 30))),
        ("next-window", NextWindow()),
        ("Next-Window", NextWindow()),
    ],
)
def test_times_are_read(typed: str, read: object) -> None:
    assert read_time(typed) == read


@pytest.mark.parametrize(
    "typed",
    ["", "24:00", "22:60", "22", "10pm", "tomorrow", "22:30 Mars/Phobos", "22:30 ../etc", "nextwindow", "-1:30"],
)
def test_what_is_no_time_is_refused(typed: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read_time(typed)
    assert refused.value.problem.reason is Reason.BAD_TIME


@pytest.mark.parametrize("name", ["/etc/passwd", "../UTC", "", "nowhere", "Europe/", "\0"])
def test_no_file_is_taken_for_a_time_zone(name: str) -> None:
    assert known_zone(name) == ""


@pytest.mark.parametrize(
    ("typed", "now", "zone", "at"),
    [
        ("22:30", MONDAY, PARIS, datetime(2026, 11, 16, 21, 30, tzinfo=UTC)),
        ("22:30 UTC", MONDAY, PARIS, datetime(2026, 11, 16, 22, 30, tzinfo=UTC)),
        # what has passed, or is just now, is tomorrow
        ("12:59", MONDAY, PARIS, datetime(2026, 11, 17, 11, 59, tzinfo=UTC)),
        ("13:00", MONDAY, PARIS, datetime(2026, 11, 17, 12, 0, tzinfo=UTC)),
        # the day is that of the zone, not of UTC
        ("00:30", datetime(2026, 11, 16, 23, 15, tzinfo=UTC), PARIS, datetime(2026, 11, 16, 23, 30, tzinfo=UTC)),
        ("Mon 12:00", MONDAY, PARIS, datetime(2026, 11, 23, 11, 0, tzinfo=UTC)),
        ("Fri 22:30", MONDAY, PARIS, datetime(2026, 11, 20, 21, 30, tzinfo=UTC)),
        # 2:30 does not exist on 29 March: the instant of the change
        ("2:30", datetime(2026, 3, 28, 12, 0, tzinfo=UTC), PARIS, datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        # and exists twice on 25 October: the first that is still to come
        ("2:30", datetime(2026, 10, 24, 12, 0, tzinfo=UTC), PARIS, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2:30", datetime(2026, 10, 25, 0, 45, tzinfo=UTC), PARIS, datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        ("2:30", datetime(2026, 10, 25, 1, 45, tzinfo=UTC), PARIS, datetime(2026, 10, 26, 1, 30, tzinfo=UTC)),
    ],
)
def test_the_next_time_that_a_clock_shows(typed: str, now: datetime, zone: str, at: datetime) -> None:
    found = start_time(read_time(typed), now, zone, (), ())
    assert (found.at, found.until) == (at, at + LATENESS)


def window(now: datetime, windows: tuple[WeeklyPeriod, ...], *freezes: Freeze) -> StartTime:
    return start_time(NextWindow(), now, "UTC", windows, freezes)


@pytest.mark.parametrize(
    ("windows", "at", "until"),
    [
        ((period("Tue 20:00", "Tue 22:00"), period("Mon 22:00", "Mon 23:00")), "16T22:00", "16T23:00"),
        ((period("Mon 20:00", "Mon 22:00", PARIS),), "16T19:00", "16T21:00"),
        # one that is open counts, from now to its end
        ((period("Mon 11:00", "Mon 13:00"),), "16T12:00", "16T13:00"),
        ((period("Sun 22:00", "Mon 12:30"),), "16T12:00", "16T12:30"),
        # one that has just closed is next week's
        ((period("Mon 10:00", "Mon 12:00"),), "23T10:00", "23T12:00"),
        ((period("Mon 11:00", "Mon 11:30"), period("Sun 23:00", "Mon 01:00")), "22T23:00", "23T01:00"),
    ],
)
def test_the_next_window(windows: tuple[WeeklyPeriod, ...], at: str, until: str) -> None:
    found = window(MONDAY, windows)
    assert (found.at.isoformat()[8:16], found.until.isoformat()[8:16]) == (at, until)


def test_a_window_begins_when_a_freeze_in_it_ends_and_is_passed_over_where_none_of_it_is_left() -> None:
    windows = (period("Tue 20:00", "Tue 22:00"), period("Wed 20:00", "Wed 22:00"))
    found = window(MONDAY, windows, freeze("Tue 18:00", "Tue 21:00"))
    assert found.at == datetime(2026, 11, 17, 21, 0, tzinfo=UTC)
    found = window(MONDAY, windows, freeze("Tue 18:00", "Tue 22:00"))
    assert found.at == datetime(2026, 11, 18, 20, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("windows", "weeks"), [((), ""), ((period("Tue 20:00", "Tue 22:00"),), "5")], ids=["none", "all of it frozen"]
)
def test_without_a_window_that_is_not_frozen_it_is_refused(windows: tuple[WeeklyPeriod, ...], weeks: str) -> None:
    with pytest.raises(RefusedError) as refused:
        window(MONDAY, windows, freeze("Tue 08:00", "Thu 08:00"))
    assert refused.value.problem.reason is Reason.NO_WINDOW
    assert refused.value.problem.facts["weeks"] == weeks


def test_a_window_at_a_change_of_the_clocks_is_as_long_as_a_freeze_there() -> None:
    night = period("Sun 02:30", "Sun 02:45", PARIS)
    twice = window(datetime(2026, 10, 24, 12, 0, tzinfo=UTC), (night,))
    assert (twice.at, twice.until) == (
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 45, tzinfo=UTC),
    )
    skipped = window(datetime(2026, 3, 28, 12, 0, tzinfo=UTC), (period("Sun 02:30", "Sun 04:00", PARIS),))
    assert skipped.at == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_what_is_asked_again_is_what_was_typed() -> None:
    for typed in ("22:30", "Fri 22:30 Europe/Paris", "22:30:15", "next-window"):
        found = start_time(read_time(typed), MONDAY, PARIS, (period("Tue 20:00", "Tue 22:00"),), ())
        assert found.asked == typed
    assert start_time(read_time("22:30"), MONDAY, PARIS, (), ()).shown == "22:30 Europe/Paris"
    assert found.at - MONDAY < timedelta(days=2)
