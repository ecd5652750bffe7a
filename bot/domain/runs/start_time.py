"""When a run begins that was asked for with `--at`: what was typed, and the instant that it comes to. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.policies.freeze import Freeze, Weekday, WeeklyPeriod, end_of_freezes, instants

NEXT_WINDOW = "next-window"
"""What is typed for the next of the environment's windows."""

LATENESS = timedelta(minutes=30)
"""How long after a time of somebody's choice a run may still begin: the bot may have been down, the target busy."""

_QUOTES = " \"'“”„«»‘’"
"""Around a time in a form, where none are needed."""

_DAY = timedelta(days=1)
_WEEK = timedelta(weeks=1)
_WEEKS = 5
"""How far ahead a window without a freeze is looked for."""

_TYPED = re.compile(
    r"(?:(?P<day>mon|tue|wed|thu|fri|sat|sun)[a-z]* +)?(?P<hour>[01]?[0-9]|2[0-3])[:h](?P<minute>[0-5][0-9])"
    r"(?::(?P<second>[0-5][0-9]))?(?: +(?P<zone>[A-Za-z][A-Za-z0-9_+/-]*))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ClockTime:
    """A time of day, as it was typed.

    Args:
        at: what a clock shows.
        day: the day of the week; None for the next time that the clock shows it.
        zone: the time zone (IANA); empty if none was typed.
    """

    at: time
    day: Weekday | None = None
    zone: str = ""

    @property
    def typed(self) -> str:
        """What is typed for it."""
        shown = f"{self.at:%H:%M:%S}" if self.at.second else f"{self.at:%H:%M}"
        return " ".join(part for part in (self.day or "", shown, self.zone) if part)


@dataclass(frozen=True)
class NextWindow:
    """The next of the environment's windows, or the one that is open."""

    typed: ClassVar = NEXT_WINDOW


@dataclass(frozen=True)
class StartTime:
    """When a run begins.

    Args:
        at: the first instant at which it may, in UTC.
        until: the last one, in UTC; after it the run expires.
        zone: the time zone in which it was asked for (IANA).
        asked: what was typed behind `--at`.
    """

    at: datetime
    until: datetime
    zone: str
    asked: str

    @property
    def shown(self) -> str:
        """The time on a clock in its time zone, as in `22:30 Europe/Paris`."""
        local = self.at.astimezone(ZoneInfo(self.zone))
        return f"{local:%H:%M:%S} {self.zone}" if local.second else f"{local:%H:%M} {self.zone}"

    @property
    def again(self) -> AskedTime:
        """The same as a new request, in the same time zone whoever asks."""
        asked = read_time(self.asked)
        return replace(asked, zone=self.zone) if isinstance(asked, ClockTime) else asked

    @property
    def facts(self) -> dict[str, str]:
        """Its two instants for a problem or a record, in RFC 3339."""
        return {"at": self.at.isoformat(), "until": self.until.isoformat()}


AskedTime = ClockTime | NextWindow


def known_zone(text: str) -> str:
    """Give the name of a time zone (IANA) as it is spelled; empty where there is none.

    Args:
        text: as typed, such as `utc` or `europe/paris`.
    """
    for name in (text, text.upper(), "/".join(part.capitalize() for part in text.split("/"))):
        try:
            return ZoneInfo(name).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return ""


def is_time(text: str) -> bool:
    """Say whether `read_time` accepts a text."""
    try:
        read_time(text)
    except RefusedError:
        return False
    return True


def read_time(text: str) -> AskedTime:
    """Read what was typed behind `--at`.

    Args:
        text: `next-window`, or a time: `22:30`, `Fri 22:30`, `22:30 Europe/Paris`.

    Raises:
        RefusedError: `bad_time`.
    """
    text = text.strip(_QUOTES)
    if text.lower() == NEXT_WINDOW:
        return NextWindow()
    match = _TYPED.fullmatch(text)
    if match is None:
        raise RefusedError(problem(Reason.BAD_TIME, at=text[:60]))
    zone = known_zone(match["zone"]) if match["zone"] else ""
    if match["zone"] and not zone:
        raise RefusedError(problem(Reason.BAD_TIME, at=text[:60], zone=match["zone"][:40]))
    day = Weekday(match["day"].capitalize()) if match["day"] else None
    return ClockTime(time(int(match["hour"]), int(match["minute"]), int(match["second"] or 0)), day, zone)


def start_time(
    asked: AskedTime,
    now: datetime,
    zone: str,
    windows: Sequence[WeeklyPeriod],
    freezes: Sequence[Freeze],
) -> StartTime:
    """Give the instant that was asked for.

    At a change of the clocks a time that exists twice is the first that is still to come, and one that does not exist
    is the instant of the change.

    Args:
        asked: what was typed.
        now: with a time zone.
        zone: the time zone of a time that names none (IANA).
        windows: of the environment.
        freezes: of its policy. A window that begins in a freeze begins when that ends.

    Raises:
        RefusedError: `no_window`, the environment has none, or none within five weeks that is not frozen.
    """
    match asked:
        case ClockTime():
            named = asked.zone or zone
            at = _next(asked, now, ZoneInfo(named))
            return StartTime(at, at + LATENESS, named, asked.typed)
        case NextWindow():
            return _next_window(now, windows, freezes)


def _next(asked: ClockTime, now: datetime, zone: ZoneInfo) -> datetime:
    """Give the next instant at which a clock shows a time."""
    today = now.astimezone(zone).date()
    days = [today + number * _DAY for number in range(9)]
    wanted = [day for day in days if asked.day is None or list(Weekday)[day.weekday()] is asked.day]
    found = (instant for day in wanted for instant in instants(datetime.combine(day, asked.at), zone))
    return next(instant for instant in found if instant > now)


def _next_window(now: datetime, windows: Sequence[WeeklyPeriod], freezes: Sequence[Freeze]) -> StartTime:
    found = [
        StartTime(at, end, window.timezone, NEXT_WINDOW)
        for window in windows
        for week in range(_WEEKS)
        for start, end in window.around(now + week * _WEEK)
        if (at := end_of_freezes(freezes, max(start, now))) < end
    ]
    if not found:
        raise RefusedError(problem(Reason.NO_WINDOW, weeks=str(_WEEKS) if windows else ""))
    return min(found, key=lambda start: start.at)
