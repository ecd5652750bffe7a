"""The first step of every run: reading a host, and refusing where a run could not end well."""

from __future__ import annotations

from bot.domain.errors import Problem, Reason, RefusedError, problem
from bot.domain.runs.acts import Preflight
from bot.domain.targets.look import HostFacts, HostQuestion
from bot.engine.ports import Done, Effect, Ending, Failed, Job, Outcome, Output, TargetReader

_FEWEST_INODES = 5000


class PreflightPerformer:
    """Performs `bot.domain.runs.acts.Preflight`.

    Args:
        target_reader: gives the way to read a target.
    """

    def __init__(self, target_reader: TargetReader) -> None:
        self._observer = target_reader

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Read the host; nothing is started there."""
        act = job.step.act
        assert isinstance(act, Preflight)  # noqa: S101 - the registry hands over acts of this class only
        asked = HostQuestion(path=job.target.path, tools=act.tools)
        try:
            facts = await self._observer.look(job.target).host(job.place, asked)
        except RefusedError as refusal:
            return Failed(refusal.problem)
        found = judge_host(facts, job.target.path, act.needs)
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


def judge_host(facts: HostFacts, path: str, needs_kib: int) -> Problem | None:
    """Say what stands in the way of a run on a host, or None.

    Args:
        facts: what the host answered.
        path: of the checkout.
        needs_kib: kibibytes that must be free.
    """
    host = facts.host
    if facts.missing_tools:
        return problem(Reason.HOST_TOOL_MISSING, host=host, tools=", ".join(facts.missing_tools))
    if not facts.is_checkout:
        return problem(Reason.CHECKOUT_MISSING, host=host, path=path)
    if facts.free_kib < needs_kib:
        return problem(Reason.DISK_FULL, host=host, path=path, free=str(facts.free_kib), needs=str(needs_kib))
    if facts.free_inodes is not None and facts.free_inodes < _FEWEST_INODES:
        return problem(Reason.INODES_FULL, host=host, path=path, free=str(facts.free_inodes), needs=str(_FEWEST_INODES))
    if facts.dirty:
        return problem(Reason.CHECKOUT_DIRTY, host=host, paths=", ".join(facts.dirty))
    return None
