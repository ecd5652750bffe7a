"""Cron expressions with cron's own meaning, whoever reads them later.

APScheduler counts weekdays from Monday, cron from Sunday; and where a day of the month and a weekday are both given,
cron fires on either and APScheduler on both (https://apscheduler.readthedocs.io/en/3.x/modules/triggers/cron.html).
So weekdays are written out by name, and the combination is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import cast

from apscheduler.triggers.cron import CronTrigger

from bot.domain.names import TargetName
from bot.domain.targets.target import Target

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PART = re.compile(r"(?:(?P<all>\*)|(?P<first>[0-7]|[a-z]{3})(?:-(?P<last>[0-7]|[a-z]{3}))?)(?:/(?P<step>[1-9]))?")


def parse_cron(text: str) -> str:
    """Read a cron expression of five fields.

    Args:
        text: minute, hour, day of the month, month, weekday (0 and 7 are Sunday, or names).

    Returns:
        The same times, with weekdays by name.

    Raises:
        ValueError: it is not one, or means different things to different readers.
    """
    fields = text.split()
    if len(fields) != 5 or not text.isascii():
        raise ValueError(
            "not a cron expression; it has five fields (minute, hour, day of month, month, weekday), such as 0 3 * * *"
        )
    weekdays = _weekdays(fields[4].lower())
    if weekdays != "*" and fields[2] != "*":
        raise ValueError("give a day of the month or a weekday, not both: cron fires on either, others on both")
    expression = " ".join([*fields[:4], weekdays])
    try:
        CronTrigger.from_crontab(expression, timezone="UTC")
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise ValueError(f"not a cron expression: {_sentence(error)}") from None
    return expression


def firing_times(targets: Mapping[TargetName, Target]) -> Mapping[TargetName, Callable[[datetime], datetime | None]]:
    """Give, for each target whose backups have a schedule, the first firing at or after an instant."""

    def firing_of(trigger: CronTrigger) -> Callable[[datetime], datetime | None]:
        return lambda after: cast("datetime | None", trigger.get_next_fire_time(None, after))

    return {
        name: firing_of(CronTrigger.from_crontab(target.backups.schedule, timezone=target.backups.timezone))
        for name, target in targets.items()
        if target.backups is not None and target.backups.schedule is not None
    }


def _sentence(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else "it cannot be read"
    return text[:1].lower() + text[1:]


def _weekdays(field: str) -> str:
    chosen: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"not a weekday: {part!r}; write 0 to 7 or sun to sat, such as 1-5 or mon-fri")
        step = int(match["step"] or 1)
        if match["all"]:
            first, last = 0, 6
        else:
            first = _day(match["first"])
            last = _day(match["last"]) if match["last"] else (6 if match["step"] else first)
        if last < first:
            last += 7
        chosen |= {day % 7 for day in range(first, last + 1, step)}
    return "*" if len(chosen) == len(_DAYS) else ",".join(_DAYS[day] for day in sorted(chosen))


def _day(text: str) -> int:
    if text.isdigit():
        return int(text)
    if text not in _DAYS:
        raise ValueError(f"not a weekday: {text!r}; write 0 to 7 or sun to sat, such as 1-5 or mon-fri")
    return _DAYS.index(text)
