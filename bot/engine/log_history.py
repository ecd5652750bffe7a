"""Logging each record of history, as operators look into the log first."""

from __future__ import annotations

import structlog

from bot.domain.runs.history import Entry

_LOGGED_FACTS = ("step", "place", "attempt", "exit_status", "reason", "target", "plan", "by")

_log = structlog.get_logger()


def log_entry(entry: Entry) -> None:
    """Log a record that was written to the history."""
    run = {"run": entry.run} if entry.run else {}
    _log.info(
        entry.event,
        actor=entry.actor,
        **run,
        **{name: entry.facts[name] for name in _LOGGED_FACTS if name in entry.facts},
    )
