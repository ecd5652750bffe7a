"""Steps that read the migrations table after a change: what was applied is there, what was undone is not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bot.databases.server.facts import DatabaseLook
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.acts import NothingPending, Undone
from bot.domain.runs.migration_source import MigrationSource
from bot.domain.targets.target import Target
from bot.engine.ports import Done, Effect, Ending, Failed, Job, Outcome, Output

_MAX_NAMES = 20


class AppliedPerformer:
    """Compares the migrations table with what a run applied (`NothingPending`) or undid (`Undone`).

    Where the framework can be asked, nothing else may be pending either: a package of the commit may have brought it.
    Implements `Performer`. It only reads, so it is repeated freely.

    Args:
        look: reads databases.
        table_of: returns the name of a target's migrations table.
        pending_of: asks a target's framework which migrations are pending; None where it cannot be asked.
    """

    def __init__(
        self,
        look: DatabaseLook,
        table_of: Callable[[Target], str],
        pending_of: Callable[[Target], Awaitable[tuple[MigrationSource, ...] | None]],
    ) -> None:
        self._look = look
        self._table_of = table_of
        self._pending_of = pending_of

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Read the table and compare."""
        try:
            async with asyncio.timeout(job.step.timeout):
                ran, pending = await self._read(job)
        except TimeoutError:
            return Failed(problem(Reason.TIMED_OUT, seconds=str(job.step.timeout)))
        except RefusedError as refused:
            return Failed(refused.problem)
        match job.step.act:
            case NothingPending(names=names):
                missing = [name for name in names if name not in ran]
                if pending and not missing:
                    return self._outcome(job, len(names), pending=[str(source) for source in pending])
                return self._outcome(job, len(names), missing=missing)
            case Undone(names=names):
                return self._outcome(job, len(names), left=[name for name in ran if name in names])
        raise TypeError(f"not a step for this performer: {job.step.act!r}")

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`."""
        return await self.perform(job, output)

    async def check(self, job: Job) -> Effect:
        """Check whether the applied migrations are in the table; what was undone leaves nothing to check."""
        if not isinstance(job.step.act, NothingPending):
            return Effect.CANNOT_TELL
        try:
            async with asyncio.timeout(job.step.timeout):
                ran = await self._ran(job)
        except (TimeoutError, RefusedError):
            return Effect.CANNOT_TELL
        return Effect.TOOK if set(job.step.act.names) <= ran.keys() else Effect.DID_NOT

    async def end(self, job: Job) -> Ending:
        """Report that there is no process to end."""
        return Ending.GONE

    async def _read(self, job: Job) -> tuple[dict[str, None], tuple[MigrationSource, ...] | None]:
        """Read the table, and at the same time ask the framework where it is asked."""
        if not isinstance(job.step.act, NothingPending):
            return await self._ran(job), None
        asking = asyncio.ensure_future(self._pending_of(job.target))
        try:
            return await self._ran(job), await asking
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _ran(self, job: Job) -> dict[str, None]:
        """Return the names in the table, in its order."""
        rows = await self._look.applied(job.target, self._table(job))
        return dict.fromkeys(row.name for row in rows)

    def _outcome(self, job: Job, expected: int, **wrong: list[str]) -> Outcome:
        [(fact, names)] = wrong.items()
        if not names:
            return Done({"migrations": str(expected)})
        named = {fact: ", ".join(names[:_MAX_NAMES])}
        return Failed(problem(Reason.NOT_TAKEN_EFFECT, **named, count=str(len(names)), table=self._table(job)))

    def _table(self, job: Job) -> str:
        act = job.step.act
        named = act.table if isinstance(act, NothingPending | Undone) else None
        return named or self._table_of(job.target)
