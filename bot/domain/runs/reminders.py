"""When to remind people whose approval is missing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count, takewhile

from bot.domain.runs.approval import GateState
from bot.domain.runs.run import Gate

_LAST = timedelta(minutes=15)
"""Maximum time between the last reminder and the end; it is a tenth of the whole time if that is less."""

_SOON_AFTER = tuple(timedelta(hours=hours) for hours in (1, 4, 12, 23))
"""Reminders on the first day after an emergency; daily after that."""


def due(gate: Gate, now: datetime) -> datetime | None:
    """Give the time of the reminder that is due now.

    Args:
        gate: of a run; `reminded_at` is the time of its latest reminder.
        now: with a time zone.

    Returns:
        The latest time that has passed without a reminder; earlier ones that were missed are dropped. None if none is
        due, the gate no longer waits, or it has expired and that is about to be published.
    """
    if gate.state is not GateState.OPEN or (now >= gate.expires_at and not gate.afterwards):
        return None
    latest = None
    for moment in _moments(gate):
        if moment > now:
            break
        latest = moment
    return latest if latest is not None and (gate.reminded_at is None or latest > gate.reminded_at) else None


def next_moment(gate: Gate, now: datetime) -> datetime | None:
    """Give the time of the next reminder; None if there is none.

    Args:
        gate: of a run.
        now: with a time zone.
    """
    return next((moment for moment in _moments(gate) if moment > now), None)


def number_of(gate: Gate, at: datetime) -> int:
    """Give how many reminders of a gate were due until one of its times, that one included.

    Args:
        gate: of a run.
        at: the time of one of its reminders.
    """
    return sum(1 for _ in takewhile(lambda moment: moment <= at, _moments(gate)))


def is_last(gate: Gate, at: datetime) -> bool:
    """Say whether no reminder follows one at a time: those of a late approval never end."""
    return next_moment(gate, at) is None


def is_overdue(gate: Gate, now: datetime) -> bool:
    """Say whether the late approval of an emergency is overdue."""
    return gate.afterwards and gate.state is GateState.OPEN and now >= gate.expires_at


def _moments(gate: Gate) -> Iterator[datetime]:
    """Give the times of reminders in order: two before a gate expires, endless for a late approval."""
    if not gate.afterwards:
        span = gate.expires_at - gate.opened_at
        yield gate.opened_at + span / 2
        yield gate.expires_at - min(span / 10, _LAST)
        return
    yield from (gate.opened_at + after for after in _SOON_AFTER)
    yield from (gate.expires_at + timedelta(days=days) for days in count())
