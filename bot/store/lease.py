"""The lease of a process on what only one process may hold at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

SHARED_LEASE = timedelta(seconds=15)
"""Length of a lease; others wait so long for a process that is gone."""


@dataclass(frozen=True)
class ProcessLease:
    """A process among those that share a store.

    Args:
        owner: the name of this process; no two have the same.
        lease: length of its leases; None where it has the store for itself.
    """

    owner: str
    lease: timedelta | None
