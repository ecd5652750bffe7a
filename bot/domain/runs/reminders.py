"""When those are reminded whose approval is missing. Pure: a gate and the time in, the latest moment due out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count

from bot.domain.runs.approval import GateState
from bot.domain.runs.run import Gate

_LAST = timedelta(minutes=15)
"""The last reminder comes a tenth of the time before the end, and never earlier than this before it."""

_SOON_AFTER = tuple(timedelta(hours=hours) for hours in (1, 4, 12, 23))
"""After an emergency: within its day, that often; then every day."""


def due(gate: Gate, now: datetime) -> datetime | None:
    """Give the moment for which people are to be reminded now.

    Args:
        gate: of a run; `reminded_at` says which moments were seen to.
        now: with a time zone.

    Returns:
        The latest moment that has come and was not seen to; of several that were missed, the latest alone. None where
        there is none, where the gate waits no more, and where it is about to be told that it expired.
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
    """Give the first moment that is still to come; None where there is none.

    Args:
        gate: of a run.
        now: with a time zone.
    """
    return next((moment for moment in _moments(gate) if moment > now), None)


def is_overdue(gate: Gate, now: datetime) -> bool:
    """Say whether a change that was made without approval is still not countersigned though its time is over."""
    return gate.afterwards and gate.state is GateState.OPEN and now >= gate.expires_at


def _moments(gate: Gate) -> Iterator[datetime]:
    """Give the moments in order: two before a gate expires; without end where something must be countersigned."""
    if not gate.afterwards:
        span = gate.expires_at - gate.opened_at
        yield gate.opened_at + span / 2
        yield gate.expires_at - min(span / 10, _LAST)
        return
    yield from (gate.opened_at + after for after in _SOON_AFTER)
    yield from (gate.expires_at + timedelta(days=days) for days in count())
