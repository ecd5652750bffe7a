"""The App Home: who looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Viewer:
    """Somebody who opened the App Home.

    Args:
        user: Slack's ID.
        chosen: what they chose to see of the environments; empty is the choice of who chose nothing.
        opened_at: when they opened it last.
    """

    user: str
    chosen: str
    opened_at: datetime
