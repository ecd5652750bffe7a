"""How a process holds what only one may have at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

SHARED_LEASE = timedelta(seconds=15)
"""How long others wait for a process that is gone."""


@dataclass(frozen=True)
class ProcessLease:
    """A process among those that share a store.

    Args:
        owner: the name of this process; no two have the same.
        lease: how long what it took is its own without a sign of life; None where it has the store for itself.
    """

    owner: str
    lease: timedelta | None
