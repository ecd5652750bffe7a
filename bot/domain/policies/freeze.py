"""Freezes: spans of every week, on the wall clock of a place, in which nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class Weekday(StrEnum):
    """Days as the operations file writes them."""

    MON = "Mon"
    TUE = "Tue"
    WED = "Wed"
    THU = "Thu"
    FRI = "Fri"
    SAT = "Sat"
    SUN = "Sun"


_WEEK = timedelta(weeks=1)
_MINUTE = timedelta(minutes=1)
_MAX_SPANS = 60
"""Freezes that touch each other can go on for ever; so many spans are followed."""


@dataclass(frozen=True)
class WeekTime:
    """A minute of the week on the wall clock.

    Args:
        minute: minutes since Monday 00:00, 0 to 10079.
    """

    minute: int


@dataclass(frozen=True)
class Freeze:
    """A span of every week in which nothing is changed.

    It begins at the first instant at which the wall clock shows `start` or later, and is over at the last at which
    it comes to `end`: an hour that the clocks go through twice is frozen until it is over for good, and an end that
    they leap over is where they leap.

    Args:
        start: its first minute.
        end: the minute at which it is over; before `start` means in the following week.
        timezone: the name of the time zone of both (IANA).
        reason: what people are told.
    """

    start: WeekTime
    end: WeekTime
    timezone: str
    reason: str

    def covers(self, instant: datetime) -> bool:
        """Say whether an instant lies in the span.

        Args:
            instant: with a time zone.
        """
        return self.ends(instant) is not None

    def ends(self, instant: datetime) -> datetime | None:
        """Give the end of the span in which an instant lies, in UTC; None where it lies in none.

        Args:
            instant: with a time zone.
        """
        zone = ZoneInfo(self.timezone)
        today = instant.astimezone(zone).date()
        monday = datetime.combine(today - timedelta(days=today.weekday()), time())
        length = (self.end.minute - self.start.minute) * _MINUTE % _WEEK
        for week in (-_WEEK, timedelta(0)):
            begins = monday + week + self.start.minute * _MINUTE
            end = _instants(begins + length, zone)[-1]
            if length and _instants(begins, zone)[0] <= instant < end:
                return end
        return None


@dataclass(frozen=True)
class ActiveFreeze:
    """That nothing is changed now.

    Args:
        reason: for people.
        until: when that is over, in UTC; where freezes follow each other, when the last is.
    """

    reason: str
    until: datetime


def end_of_freezes(freezes: Sequence[Freeze], instant: datetime) -> datetime:
    """Give the first instant, from one on, that lies in no freeze.

    Args:
        freezes: which may touch or overlap each other.
        instant: with a time zone.

    Returns:
        In UTC. Where freezes follow each other without a gap, the end of the last that was looked at.
    """
    until = instant.astimezone(UTC)
    for _ in range(_MAX_SPANS):
        ends = [end for freeze in freezes if (end := freeze.ends(until)) is not None]
        if not ends:
            break
        until = max(ends)
    return until


def _instants(wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Give the instants at which a wall clock shows a time, in UTC: two where the clocks go back over it.

    Where they leap over it, the instant at which they leap.
    """
    read = [wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    shown = [each for each in read if each.astimezone(zone).replace(tzinfo=None) == wall]
    if shown:
        return tuple(sorted(set(shown)))
    at, latest = min(read), max(read)
    while at < latest and at.astimezone(zone).replace(tzinfo=None) < wall:
        at += _MINUTE
    return (at,)
