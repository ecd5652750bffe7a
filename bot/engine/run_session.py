"""A run under a lease: reading it, writing it under the token, and waiting for changes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from bot.background import wait_for
from bot.domain.runs.basis import Basis, identity_basis
from bot.domain.runs.history import Entry
from bot.domain.runs.plan import Plan
from bot.domain.runs.planner import Planner
from bot.domain.runs.rollout import without_left_out
from bot.domain.runs.run import Run
from bot.domain.secret_references import hide_secrets, reveal_secrets
from bot.domain.targets.look import Look
from bot.domain.targets.target import Target
from bot.engine.context import EngineContext
from bot.engine.log_history import log_entry
from bot.engine.phases.execution import Execution
from bot.engine.run_changes import Change, RunLease

T = TypeVar("T")


class RunSession:
    """A run under a lease.

    Args:
        context: the engine's ports.
        lease: of the run.
        target: of the run.
        wake: set when something outside may have changed (a reaction, a cancellation, another run's end).
        reacted: set when somebody reacted to the request to approve.
    """

    def __init__(
        self,
        context: EngineContext,
        lease: RunLease,
        target: Target,
        wake: asyncio.Event,
        reacted: asyncio.Event,
    ) -> None:
        self.context = context
        self.lease = lease
        self.revision: int | None = None
        """Of the run as it was last read here, raised by what was written since: any other has changes by others."""
        self.target = target
        self.wake = wake
        self._reacted = reacted
        self._writes = 0
        self._foreign_writes: int | None = None
        self.execution = Execution(
            context.runs,
            context.performers,
            context.masker,
            context.operations.variables,
            context.clock,
            lease,
            target,
        )

    @property
    def run_id(self) -> str:
        """The run's ID."""
        return self.lease.run

    def planner(self, run: Run) -> Planner:
        """Give what plans a run.

        Raises:
            LookupError: nothing plans its request.
        """
        planner = self.context.planner_for(run.request.options)
        if planner is None:
            raise LookupError(f"nothing plans run {run.id}")
        return planner

    def now(self) -> datetime:
        """Give the time now, in UTC."""
        return self.context.clock.now()

    async def read(self) -> Run:
        """Read the run as it is now.

        Raises:
            LookupError: it is not in the store.
        """
        run = await self.context.runs.get(self.run_id)
        if run is None:
            raise LookupError(self.run_id)
        self.revision = run.revision
        return run

    async def write(self, *changes: Change, entries: tuple[Entry, ...] = ()) -> Run:
        """Apply changes and append history under the lease, and notify the observer.

        Raises:
            LeaseLostError: another owner has the run.
        """
        run = await self.context.runs.write(self.lease, changes, entries)
        if changes and self.revision is not None:
            self.revision += 1  # not the one that was read: it may have what another process noted meanwhile
        self._writes += bool(changes)
        for entry in entries:
            log_entry(entry)
        self.context.run_observer.run_changed(self.run_id)
        return run

    def heard_reaction(self, run: Run) -> bool:
        """Say whether somebody may have reacted since this was last asked.

        Another replica that hears of a reaction raises the run's revision, as each write of this session does.

        Args:
            run: as just read.
        """
        foreign_writes = run.revision - self._writes
        is_new = self._foreign_writes not in {None, foreign_writes}
        self._foreign_writes = foreign_writes
        heard = self._reacted.is_set()
        self._reacted.clear()
        return heard or is_new

    def entry(self, event: str, facts: Mapping[str, str] | None = None, actor: str = "bot") -> Entry:
        """Make a masked record of history for this run."""
        masked = {key: self.context.masker.mask(value) for key, value in (facts or {}).items()}
        return Entry(self.run_id, event, actor, masked)

    async def basis(self, plan: Plan, run: Run) -> Basis:
        """Read the current basis of a plan.

        Raises:
            RefusedError: it cannot be read.
        """
        look = self.context.target_reader.look(self.target)
        read = self.planner(run).basis(self.revealed(plan), run, self.target, look)
        own, identity = await asyncio.gather(read, self.identity_basis(look, plan))
        return self.hidden(own | identity)

    async def identity_basis(self, look: Look, plan: Plan) -> Basis:
        """Read which hosts, folders and database the run is for.

        Args:
            look: at the target.
            plan: of the run; hosts that it leaves out are not asked.

        Raises:
            RefusedError: a host does not answer.
        """
        target = without_left_out(self.target, plan)
        identities = await asyncio.gather(*(look.identity(host) for host in target.hosts))
        return identity_basis(target, identities, self.context.recipes[self.target.name])

    def hidden(self, value: T) -> T:
        """Replace secrets by references, for what is stored and approved."""
        return hide_secrets(value, self.context.operations.variables)

    def revealed(self, plan: Plan) -> Plan:
        """Replace references by secrets in a plan that is about to be used."""
        return reveal_secrets(plan, self.context.operations.variables)

    async def pause(self, seconds: float) -> None:
        """Wait until `wake` is set, for at most `seconds`, and clear it."""
        await wait_for(self.wake, seconds)
        self.wake.clear()
