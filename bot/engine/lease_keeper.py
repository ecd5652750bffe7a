"""Renews the leases of the runs that this process drives, all in one write."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from bot.background import RepeatedWork
from bot.engine.run_changes import RunLease
from bot.engine.stores import LeaseStore

LEASE = timedelta(seconds=15)
"""Length of a lease on a run."""

_RENEWAL_SECONDS = LEASE.total_seconds() / 3

_log = structlog.get_logger()


class LeaseKeeper:
    """Holds the leases of driven runs, and stops whoever drives under one that another process has claimed.

    Args:
        leases: of the store.
    """

    def __init__(self, leases: LeaseStore) -> None:
        self._leases = leases
        self._held: dict[RunLease, asyncio.Task[object] | None] = {}
        self._renewal: RepeatedWork | None = None

    @property
    def held(self) -> frozenset[RunLease]:
        """The leases that are renewed."""
        return frozenset(self._held)

    def hold(self, lease: RunLease, driving: asyncio.Task[object] | None) -> None:
        """Renew a lease until it is let go.

        Args:
            lease: just claimed.
            driving: the task that is cancelled when the lease is lost.
        """
        self._held[lease] = driving
        if self._renewal is None:
            self._renewal = RepeatedWork("renew leases", self.renew, interval=_RENEWAL_SECONDS, failed=_not_renewed)
            self._renewal.start()

    def let_go(self, lease: RunLease) -> None:
        """Renew a lease no more."""
        self._held.pop(lease, None)

    async def renew(self) -> None:
        """Renew every lease once."""
        if not self._held:
            return
        for lease in await self._leases.renew(tuple(self._held), LEASE):
            driving = self._held.pop(lease, None)
            if driving is not None:
                driving.cancel()

    async def aclose(self) -> None:
        """Stop renewing."""
        if self._renewal is not None:
            await self._renewal.aclose()


def _not_renewed(error: Exception, failures: int) -> float:
    # The store may answer again before the leases have run out; every write carries the token anyway.
    _log.error("leases_not_renewed", times=failures, exc_info=error)
    return _RENEWAL_SECONDS
