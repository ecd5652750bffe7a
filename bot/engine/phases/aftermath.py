"""Reading what a run left that stopped halfway: the live commit, and the fate of its migrations."""

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
from bot.engine.run_changes import RunSummary
from bot.engine.run_driver import RunDriver

_LOOK_SECONDS = 30.0
"""Maximum length of one look."""

_RETRY_SECONDS = 10.0
"""Pause after a look that failed."""

_log = structlog.get_logger()


class Aftermath:
    """Looks at each run that waits for a person, until one look has succeeded.

    Args:
        context: the engine's ports.
    """

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._needless: dict[str, int] = {}
        """The revision of each run that needed no look when it was last read."""

    @property
    def looks(self) -> tuple[asyncio.Task[None], ...]:
        """The looks that are going on."""
        return tuple(self._looks.values())

    async def look(self, stopped: tuple[RunSummary, ...]) -> None:
        """Start a look at each run whose aftermath is neither known nor being read.

        Args:
            stopped: all runs in `needs_human`.
        """
        self._looks = {name: task for name, task in self._looks.items() if not task.done()}
        self._needless = {each.run: each.revision for each in stopped if self._needless.get(each.run) == each.revision}
        for summary in stopped:
            if summary.run not in self._looks and summary.run not in self._needless:
                await self._look_at(summary.run)

    async def _look_at(self, name: str) -> None:
        run = await self._context.runs.get(name)
        if run is None:
            return
        target = self._context.operations.targets.get(run.request.target)
        if target is None or not needs_look(run):
            self._needless[name] = run.revision
        else:
            self._looks[name] = asyncio.create_task(self._read(run, target), name=f"look at {name}")

    async def _read(self, run: Run, target: Target) -> None:
        try:
            facts = await read_aftermath(self._context, run, target)
            if facts is not None:
                await RunDriver(self._context, run.id).add_facts(facts)
            else:
                await asyncio.sleep(_RETRY_SECONDS)
        except Exception:
            _log.exception("aftermath_not_seen", run=run.id)
            await asyncio.sleep(_RETRY_SECONDS)


def needs_look(run: Run) -> bool:
    """Say whether the aftermath of a run that waits for a person is still unknown."""
    return run.state is RunState.NEEDS_HUMAN and run.plan is not None and AFTERMATH not in run.facts


async def read_aftermath(context: EngineContext, run: Run, target: Target) -> dict[str, str] | None:
    """Read the live commit and the fate of the migrations of a run that stopped.

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
        async with asyncio.timeout(_LOOK_SECONDS):
            live = live_commit(await planner.basis(plan, run, target, look))
            found: tuple[MigrationOutcome, ...] = ()
            if schema_begun(run):
                found = migration_outcomes(plan, await planner.pending(plan, target, look), await look.schema())
    except (RefusedError, TimeoutError):
        return None
    return {LIVE: live, AFTERMATH: context.masker.mask(aftermath_to_text(found))}
