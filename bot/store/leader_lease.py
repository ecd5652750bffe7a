"""A leader lease as a process holds it: acquired when free, renewed, and known in time to be lost."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

import structlog

from bot.background import RepeatedWork
from bot.domain.errors import OutageError
from bot.store.store import SqlStore

_RETRY_SECONDS = 2.0

_log = structlog.get_logger()


class LeaderLease:
    """The lease on work that one process at a time does for all that share the store.

    Args:
        store: in which it is held.
        name: of the work, as stored.
    """

    def __init__(self, store: SqlStore, name: str) -> None:
        self.name = name
        self._store = store
        self._until = 0.0
        self._renewal: RepeatedWork | None = None

    async def __aenter__(self) -> Self:
        """Try to acquire it, and keep trying."""
        await self._try()
        lease = self._store.process_lease.lease
        if lease is not None:
            self._renewal = RepeatedWork(
                f"renew {self.name}", self._try, interval=lease.total_seconds() / 3, failed=self._not_renewed
            )
            self._renewal.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop renewing it."""
        self._until = 0.0
        if self._renewal is not None:
            await self._renewal.aclose()

    @property
    def held(self) -> bool:
        """Whether this process certainly holds it: the lease has not run out by this machine's clock either."""
        return time.monotonic() < self._until

    async def position(self) -> int:
        """Read how far the work has come, in whichever process."""
        return await self._store.leader_leases.position(self.name)

    async def advance(self, position: int) -> bool:
        """Note how far the work has come; False where another process holds the lease now."""
        return await self._store.leader_leases.advance(self.name, position)

    def _not_renewed(self, error: Exception, failures: int) -> float:
        if not isinstance(error, OutageError):
            _log.warning("duty_not_renewed", duty=self.name, times=failures, why=f"{type(error).__name__}: {error}")
        return _RETRY_SECONDS

    async def _try(self) -> None:
        asked = time.monotonic()
        lease = self._store.process_lease.lease
        was_held = self.held
        if not await self._store.leader_leases.acquire(self.name):
            self._until = 0.0
        elif lease is None:
            self._until = float("inf")
        else:
            self._until = asked + lease.total_seconds() * 0.9
        if self.held != was_held:
            _log.info("duty_taken" if self.held else "duty_lost", duty=self.name)
