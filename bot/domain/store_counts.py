"""How much there is of everything, for monitoring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.domain.runs.run import RunState


@dataclass(frozen=True)
class StoreCounts:
    """What the store holds.

    Args:
        runs: how many are in each state; a state without any is missing.
        gates: when each open request to approve was opened.
        events: how many events of Slack wait to be handled.
        records: how many records the history has.
    """

    runs: Mapping[RunState, int]
    gates: tuple[datetime, ...]
    events: int
    records: int
