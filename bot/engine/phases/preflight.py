"""The first step of every run: checking that a host meets what the run needs."""

from __future__ import annotations

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.runs.acts import Preflight
from bot.domain.targets.checkout_problems import dirty_problem
from bot.domain.targets.layout import ADOPTED, FoundLayout, Releases
from bot.domain.targets.look import HostFacts, HostQuestion
from bot.engine.ports import Done, Effect, Ending, Failed, Job, Outcome, Output, TargetReader

_MIN_FREE_INODES = 5000


class PreflightPerformer:
    """Performs `bot.domain.runs.acts.Preflight`.

    Args:
        target_reader: reads targets.
    """

    def __init__(self, target_reader: TargetReader) -> None:
        self._target_reader = target_reader

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Read the host; nothing is started there."""
        act = job.step.act
        assert isinstance(act, Preflight)  # noqa: S101 - the registry hands over acts of this class only
        layout = job.target.layout
        survey = layout.root if isinstance(layout, Releases) else ""
        asked = HostQuestion(path=job.target.path, tools=act.tools, survey=survey)
        try:
            facts = await self._target_reader.look(job.target).host(job.place, asked)
        except RefusedError as refusal:
            return Failed(refusal.problem)
        if not facts.is_checkout and facts.found is not None and facts.found.lies in ADOPTED:
            return Failed(_to_convert(facts.found, job))
        found = host_problem(facts, job.target.path, act.needs)
        if found is not None:
            return Failed(found)
        return Done({"head": facts.head, "free_kib": str(facts.free_kib)})

    async def resume(self, job: Job, output: Output) -> Outcome:
        """Read the host again: reading twice does no harm."""
        return await self.perform(job, output)

    async def check(self, job: Job) -> Effect:
        """There is nothing to take effect."""
        return Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        """There is no process group."""
        return Ending.GONE


def _to_convert(found: FoundLayout, job: Job) -> Problem:
    """Give the problem of a host whose live code is still to be laid out as releases."""
    name = job.target.name
    return problem(
        Reason.CHECKOUT_MISSING,
        host=job.place,
        path=job.target.path,
        lies=found.lies.value,
        app=name.app,
        environment=name.environment,
    )


def host_problem(facts: HostFacts, path: str, needs_kib: int) -> Problem | None:
    """Give the reason why a run cannot succeed on a host, or None.

    Args:
        facts: what the host answered.
        path: of the checkout.
        needs_kib: required free space, KiB.
    """
    host = facts.host
    if facts.missing_tools:
        return problem(Reason.HOST_TOOL_MISSING, host=host, tools=", ".join(facts.missing_tools))
    if not facts.is_checkout:
        return problem(Reason.CHECKOUT_MISSING, host=host, path=path)
    if facts.free_kib < needs_kib:
        return problem(Reason.DISK_FULL, host=host, path=path, free=str(facts.free_kib), needs=str(needs_kib))
    if facts.free_inodes is not None and facts.free_inodes < _MIN_FREE_INODES:
        return problem(
            Reason.INODES_FULL, host=host, path=path, free=str(facts.free_inodes), needs=str(_MIN_FREE_INODES)
        )
    if facts.dirty:
        return dirty_problem(facts)
    return None
