"""Freezes on the wall clock: daylight saving, time zones, year ends, and freezes that follow each other."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import Reason
from bot.domain.policies.freeze import Freeze, Weekday, WeekTime, end_of_freezes
from bot.domain.policies.people import ANYONE
from bot.domain.policies.policy import OVERRIDE, Policy, Requirement
from bot.domain.runs.request import Action

DAYS = [day.value for day in Weekday]


def at(text: str) -> WeekTime:
    day, clock = text.split()
    hour, minute = clock.split(":")
    return WeekTime((DAYS.index(day) * 24 + int(hour)) * 60 + int(minute))


def freeze(start: str, end: str, zone: str = "Europe/Paris") -> Freeze:
    return Freeze(at(start), at(end), zone, "a reason")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("span", "instant", "until"),
    [
        # an ordinary weekend, in winter and in summer
        (("Fri 16:00", "Mon 08:00"), "2026-11-20 15:00", "2026-11-23 07:00"),
        (("Fri 16:00", "Mon 08:00"), "2026-07-17 14:00", "2026-07-20 06:00"),
        (("Fri 16:00", "Mon 08:00"), "2026-11-20 14:59", None),
        (("Fri 16:00", "Mon 08:00"), "2026-11-23 07:00", None),
        # the weekends on which the clocks change: an hour shorter, an hour longer
        (("Fri 16:00", "Mon 08:00"), "2026-03-28 12:00", "2026-03-30 06:00"),
        (("Fri 16:00", "Mon 08:00"), "2026-10-24 12:00", "2026-10-26 07:00"),
        # an end that the clocks leap over is where they leap; the same of a start
        (("Sat 22:00", "Sun 02:30"), "2026-03-29 00:59", "2026-03-29 01:00"),
        (("Sat 22:00", "Sun 02:30"), "2026-03-29 01:00", None),
        (("Sun 02:30", "Sun 12:00"), "2026-03-29 00:59", None),
        (("Sun 02:30", "Sun 12:00"), "2026-03-29 01:00", "2026-03-29 10:00"),
        # an hour that comes twice: frozen from the first 02:30 to the last
        (("Sat 22:00", "Sun 02:30"), "2026-10-25 00:15", "2026-10-25 01:30"),
        (("Sat 22:00", "Sun 02:30"), "2026-10-25 00:45", "2026-10-25 01:30"),
        (("Sat 22:00", "Sun 02:30"), "2026-10-25 01:30", None),
        (("Sun 02:30", "Sun 12:00"), "2026-10-25 00:29", None),
        (("Sun 02:30", "Sun 12:00"), "2026-10-25 00:30", "2026-10-25 11:00"),
        (("Sun 02:30", "Sun 12:00"), "2026-10-25 01:10", "2026-10-25 11:00"),
        # over the end of a year and over the end of a leap February
        (("Thu 18:00", "Fri 09:00"), "2026-12-31 23:30", "2027-01-01 08:00"),
        (("Wed 12:00", "Fri 12:00"), "2024-02-29 12:00", "2024-03-01 11:00"),
        # over the end of the week, within one day, and nearly the whole week
        (("Sun 23:00", "Mon 01:00"), "2026-11-22 23:30", "2026-11-23 00:00"),
        (("Wed 12:00", "Wed 13:00"), "2026-11-18 11:30", "2026-11-18 12:00"),
        (("Mon 00:01", "Mon 00:00"), "2026-11-18 11:30", "2026-11-22 23:00"),
        (("Mon 00:01", "Mon 00:00"), "2026-11-22 23:00", None),
    ],
)
def test_a_freeze_covers_the_wall_clock(span: tuple[str, str], instant: str, until: str | None) -> None:
    frozen = freeze(*span)
    assert frozen.ends(utc(instant)) == (utc(until) if until else None)
    assert frozen.covers(utc(instant)) is (until is not None)


@pytest.mark.parametrize(
    ("zone", "instant", "covered"),
    [
        ("UTC", "2026-11-20 16:00", True),
        ("America/New_York", "2026-11-20 20:59", False),
        ("America/New_York", "2026-11-20 21:00", True),
        ("Asia/Kolkata", "2026-11-20 10:30", True),  # half an hour off
        ("Asia/Kolkata", "2026-11-20 10:29", False),
        ("Pacific/Kiritimati", "2026-11-20 02:00", True),  # UTC+14: Friday begins there first
        ("Pacific/Pago_Pago", "2026-11-21 02:59", False),  # UTC-11
        ("Pacific/Pago_Pago", "2026-11-21 03:00", True),
        ("Pacific/Apia", "2011-12-31 12:00", True),  # its Friday, the 30th, never was
        ("Australia/Lord_Howe", "2026-04-04 15:00", True),  # the clocks go back by half an hour
    ],
)
def test_a_freeze_is_on_the_clock_of_its_place(zone: str, instant: str, covered: bool) -> None:
    assert freeze("Fri 16:00", "Mon 08:00", zone).covers(utc(instant)) is covered


zones = st.sampled_from(["UTC", "Europe/Paris", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca"])
minutes = st.integers(0, 7 * 24 * 60 - 1).map(WeekTime)
instants = st.integers(0, 4 * 366 * 24 * 60).map(lambda minute: utc("2024-01-01") + timedelta(minutes=minute))


@given(minutes, minutes, zones, instants)
def test_where_clocks_do_not_change_a_freeze_is_a_span_of_wall_minutes(
    start: WeekTime, end: WeekTime, zone: str, instant: datetime
) -> None:
    place = ZoneInfo(zone)
    nearby = {(instant + timedelta(days=days)).astimezone(place).utcoffset() for days in range(-8, 9)}
    local = instant.astimezone(place)
    minute = (local.weekday() * 24 + local.hour) * 60 + local.minute
    week = 7 * 24 * 60
    expected = (minute - start.minute) % week < (end.minute - start.minute) % week
    if len(nearby) == 1:
        assert Freeze(start, end, zone, "x").covers(instant) is expected


@given(minutes, minutes, zones, instants)
def test_a_freeze_covers_every_instant_up_to_its_end_and_not_the_end(
    start: WeekTime, end: WeekTime, zone: str, instant: datetime
) -> None:
    frozen = Freeze(start, end, zone, "x")
    until = frozen.ends(instant)
    if until is None:
        return
    assert instant < until <= instant + timedelta(days=7, hours=3)
    assert frozen.ends(until - timedelta(seconds=1)) == until
    assert frozen.ends(instant + (until - instant) / 2) == until
    following = frozen.ends(until)
    assert following is None or following > until


def test_freezes_that_follow_each_other_end_with_the_last() -> None:
    policy = Policy("p", freezes=(freeze("Fri 16:00", "Sat 12:00"), freeze("Sat 10:00", "Mon 08:00")))
    found = policy.frozen(Action.DEPLOY, utc("2026-11-20 18:00"))
    assert found is not None
    assert found.reason is Reason.FROZEN
    assert found.facts["until"] == "2026-11-23T07:00:00+00:00"
    assert end_of_freezes(policy.freezes, utc("2026-11-24 18:00")) == utc("2026-11-24 18:00")


def test_freezes_without_a_gap_between_them_have_an_end_that_is_told_all_the_same() -> None:
    freezes = (freeze("Mon 00:00", "Thu 00:00"), freeze("Thu 00:00", "Mon 00:00"))
    assert end_of_freezes(freezes, utc("2026-11-20 18:00")) > utc("2026-12-20 18:00")


def test_a_refusal_names_the_exception_only_where_the_policy_has_one() -> None:
    weekend = (freeze("Fri 16:00", "Mon 08:00"),)
    gate = Requirement(1, ANYONE, timedelta(minutes=30), allow_requester=False)
    now = utc("2026-11-21 12:00")
    without = Policy("p", freezes=weekend).frozen(Action.DEPLOY, now)
    allowing = Policy("p", freezes=weekend, approve={OVERRIDE: gate}).frozen(Action.DEPLOY, now)
    assert without is not None
    assert "override" not in without.facts
    assert allowing is not None
    assert allowing.facts["override"] == "--during-freeze"
    assert Policy("p", freezes=weekend).frozen(Action.BACKUP, now) is None
