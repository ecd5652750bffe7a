"""Notifications: which records of the history others are told of, and under which names."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.runs.history import Record
from bot.domain.runs.run import RunState
from bot.domain.runs.watching import WatchState

WHILE_CHANGING = "while"
"""The fact of `gate_void` that says `changing` where the change had begun, so that the run's end follows."""

_EVENTS: Mapping[str, tuple[str, ...]] = {
    "requested": ("run.requested",),
    "planned": ("run.planned",),
    "gate_opened": ("approval.opened",),
    "vote": ("approval.voted",),
    "vote_withdrawn": ("approval.withdrawn",),
    "gate_approved": ("approval.approved", "run.started"),
    "gate_waived": ("approval.waived", "run.started"),
    "glass_broken": ("run.emergency", "approval.opened", "run.started"),
    "time_reached": ("run.started",),
    "start_missed": ("run.expired",),
    "countersigned": ("approval.approved",),
    "countersign_refused": ("approval.rejected",),
    "gate_rejected": ("approval.rejected", "run.rejected"),
    "gate_expired": ("approval.expired", "run.expired"),
    "gate_void": ("approval.void", "run.failed"),
    "run_succeeded": ("run.succeeded",),
    "nothing_to_do": ("run.succeeded",),
    "dry_run": ("run.succeeded",),
    "run_failed": ("run.failed",),
    "run_cancelled": ("run.cancelled",),
    "closed_by_person": ("run.cancelled",),
    "needs_human": ("run.needs_human",),
    "given_up": ("run.needs_human", "run.failed"),
    "watch_ended": ("run.watch_crossed", "run.watch_ended"),
    "locked": ("target.locked",),
    "unlocked": ("target.unlocked",),
}
"""Names of events by the event of the history; of `gate_void`, `given_up` and `watch_ended` not all of them."""

_WAITING = "run.waiting"
"""In place of `run.started` where the gate was passed, and the time that was asked for has not come."""

EVENTS = tuple(sorted({_WAITING, *(name for names in _EVENTS.values() for name in names)}))
"""Every name there is."""

_CHANGING = frozenset({RunState.RUNNING.value, RunState.VERIFYING.value})


def events_of(record: Record) -> tuple[str, ...]:
    """Name the events that a record of the history means for others; none for most records.

    Args:
        record: of the history.
    """
    names, facts = _EVENTS.get(record.entry.event, ()), record.entry.facts
    match record.entry.event:
        case "gate_approved" | "gate_waived" if "starts_at" in facts:
            return (names[0], _WAITING)
        case "gate_void" if facts.get(WHILE_CHANGING):
            return names[:1]
        case "given_up":
            return names[:1] if facts.get("state") in _CHANGING else names[1:]
        case "watch_ended":
            return names[:1] if facts.get("state") == WatchState.CROSSED else names[1:]
        case _:
            return names
