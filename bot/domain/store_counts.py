"""Row counts of the store, for monitoring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.domain.runs.run import RunState


@dataclass(frozen=True)
class StoreCounts:
    """Row counts of the store.

    Args:
        runs: in each state; states without runs are missing.
        gates: when each open request to approve was opened.
        events: from Slack that wait to be handled.
        records: of the history.
    """

    runs: Mapping[RunState, int]
    gates: tuple[datetime, ...]
    events: int
    records: int
