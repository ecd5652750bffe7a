"""Watching a target after a change: what is looked at, for how long, and where the line is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Watch:
    """`watch` of an environment.

    Args:
        length: how long after the change.
        log_errors: number of new errors in the log that crosses the line; None to leave the log alone.
        health: URL that must answer with a status below 400; empty for none.
        command: run by `sh` on each host, and only reads; a status other than 0 crosses the line. Empty for none.
    """

    length: timedelta
    log_errors: int | None = None
    health: str = ""
    command: str = ""
