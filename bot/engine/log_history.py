"""What happens to runs is in the log too, where operators look first; the history is what can be checked."""

from __future__ import annotations

import structlog

from bot.domain.runs.history import Entry

_TOLD = ("step", "place", "attempt", "exit_status", "reason", "target", "plan", "by")

_log = structlog.get_logger()


def log_entry(entry: Entry) -> None:
    """Log what was written into the history."""
    run = {"run": entry.run} if entry.run else {}
    _log.info(
        entry.event, actor=entry.actor, **run, **{name: entry.facts[name] for name in _TOLD if name in entry.facts}
    )
