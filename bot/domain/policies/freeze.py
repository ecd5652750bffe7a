"""Weekly periods in the local time of a place: freezes, during which nothing may change, and windows for changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class Weekday(StrEnum):
    """Days of the week, as written in the operations file."""

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
"""Maximum adjoining freezes to follow; together they could cover the whole week."""


@dataclass(frozen=True)
class WeekTime:
    """A minute of the week in local time.

    Args:
        minute: minutes since Monday 00:00, 0 to 10079.
    """

    minute: int


@dataclass(frozen=True)
class WeeklyPeriod:
    """A part of each week.

    At a change of the clocks: a start or end in an hour that is repeated means the first start and the last end; one
    in an hour that is skipped means the instant of the change.

    Args:
        start: its first minute.
        end: the minute after its last; if before `start`, in the following week.
        timezone: of both (IANA).
    """

    start: WeekTime
    end: WeekTime
    timezone: str

    def covers(self, instant: datetime) -> bool:
        """Say whether an instant is in the period.

        Args:
            instant: with a time zone.
        """
        return self.ends(instant) is not None

    def ends(self, instant: datetime) -> datetime | None:
        """Give the end of the period that an instant is in, in UTC; None if it is in none.

        Args:
            instant: with a time zone.
        """
        return next((end for start, end in self.around(instant) if start <= instant < end), None)

    def around(self, instant: datetime) -> tuple[tuple[datetime, datetime], ...]:
        """Give the starts and ends, in UTC, of the period in the week of an instant, the one before and the one after.

        Args:
            instant: with a time zone.
        """
        zone = ZoneInfo(self.timezone)
        today = instant.astimezone(zone).date()
        monday = datetime.combine(today - timedelta(days=today.weekday()), time())
        length = (self.end.minute - self.start.minute) * _MINUTE % _WEEK
        starts = [monday + week + self.start.minute * _MINUTE for week in (-_WEEK, timedelta(0), _WEEK)]
        return tuple((instants(start, zone)[0], instants(start + length, zone)[-1]) for start in starts if length)


@dataclass(frozen=True)
class Freeze(WeeklyPeriod):
    """A weekly period during which nothing may change.

    Args:
        reason: shown to people.
    """

    reason: str


@dataclass(frozen=True)
class ActiveFreeze:
    """A freeze that is active now.

    Args:
        reason: shown to people.
        until: when it ends, in UTC, including the freezes that adjoin it.
    """

    reason: str
    until: datetime


def end_of_freezes(freezes: Sequence[Freeze], instant: datetime) -> datetime:
    """Give the first instant at or after another at which no freeze is active.

    Args:
        freezes: may adjoin or overlap.
        instant: with a time zone.

    Returns:
        In UTC. After `_MAX_SPANS` adjoining freezes, the end of the last one followed.
    """
    until = instant.astimezone(UTC)
    for _ in range(_MAX_SPANS):
        ends = [end for freeze in freezes if (end := freeze.ends(until)) is not None]
        if not ends:
            break
        until = max(ends)
    return until


def instants(wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Convert a local time to UTC: twice if the hour is repeated, the instant of the change if it is skipped.

    Args:
        wall: what a clock shows, without a time zone.
        zone: in which.
    """
    read = [wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    shown = [each for each in read if each.astimezone(zone).replace(tzinfo=None) == wall]
    if shown:
        return tuple(sorted(set(shown)))
    at, latest = min(read), max(read)
    while at < latest and at.astimezone(zone).replace(tzinfo=None) < wall:
        at += _MINUTE
    return (at,)
