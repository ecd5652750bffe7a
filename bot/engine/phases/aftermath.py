"""Looking at what a run left that stopped half-way, until it could be seen."""

from __future__ import annotations

import asyncio

import structlog

from bot.domain.errors import RefusedError
from bot.domain.runs.aftermath import (
    AFTERMATH,
    LIVE,
    MigrationOutcome,
    aftermath_to_text,
    live_commit,
    migration_outcomes,
)
from bot.domain.runs.decisions import schema_begun
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.target import Target
from bot.engine.context import EngineContext
from bot.engine.run_driver import RunDriver

_LOOKING = 30.0
"""Seconds for one look."""

_LOOK_AGAIN = 10.0
"""Seconds until a database that could not be asked is asked again."""

_log = structlog.get_logger()


class Aftermath:
    """Looks after the runs that wait for a person, until each was seen once.

    Args:
        context: the engine's ports.
    """

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._looks: dict[str, asyncio.Task[None]] = {}

    @property
    def looks(self) -> tuple[asyncio.Task[None], ...]:
        """What is going on, to be ended with the engine."""
        return tuple(self._looks.values())

    def look(self, run: Run) -> None:
        """Begin to see what a run left, unless that is known or just being seen.

        Args:
            run: in `needs_human`.
        """
        target = self._context.operations.targets.get(run.request.target)
        looking = self._looks.get(run.id)
        if target is None or not is_wanting(run) or (looking is not None and not looking.done()):
            return
        self._looks = {name: task for name, task in self._looks.items() if not task.done()}
        self._looks[run.id] = asyncio.create_task(self._see(run, target), name=f"look at {run.id}")

    async def _see(self, run: Run, target: Target) -> None:
        try:
            facts = await see(self._context, run, target)
            if facts is not None:
                await RunDriver(self._context, run.id).learn(facts)
            else:
                await asyncio.sleep(_LOOK_AGAIN)
        except Exception:
            _log.exception("aftermath_not_seen", run=run.id)
            await asyncio.sleep(_LOOK_AGAIN)


def is_wanting(run: Run) -> bool:
    """Say whether nobody has seen yet what a run left that waits for a person."""
    return run.state is RunState.NEEDS_HUMAN and run.plan is not None and AFTERMATH not in run.facts


async def see(context: EngineContext, run: Run, target: Target) -> dict[str, str] | None:
    """Read which commit is live, and what became of the migrations of a run that stopped.

    Args:
        context: the engine's ports.
        run: which stopped.
        target: where.

    Returns:
        Facts of the run; None where the database or a host cannot be asked now.
    """
    plan, look = run.plan, context.target_reader.look(target)
    planner = context.planner_for(run.request.options)
    if plan is None or planner is None:
        return None
    try:
        async with asyncio.timeout(_LOOKING):
            live = live_commit(await planner.basis(plan, run, target, look))
            found: tuple[MigrationOutcome, ...] = ()
            if schema_begun(run):
                found = migration_outcomes(plan, await planner.pending(plan, target, look), await look.schema())
    except (RefusedError, TimeoutError):
        return None
    return {LIVE: live, AFTERMATH: context.masker.mask(aftermath_to_text(found))}
