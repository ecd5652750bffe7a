"""Who does a step about a backup: the host with its own files, or the bot with what lies elsewhere or is encrypted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.databases.backups.catalog import BackupCatalog
from bot.domain.errors import RefusedError
from bot.domain.runs.acts import Load, Prove
from bot.engine.ports import Effect, Ending, Job, Outcome, Output, Performer

Chooses = Callable[[Job], Awaitable[bool]]


class EitherWay:
    """Gives each job to one of two performers. Implements `Performer`.

    Args:
        on_host: does it with the host's files alone.
        through_bot: does it with bytes that pass through the bot.
        passes: whether a job's bytes do.
    """

    def __init__(self, on_host: Performer, through_bot: Performer, passes: Chooses) -> None:
        self._on_host = on_host
        self._through_bot = through_bot
        self._passes = passes

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Hand it over."""
        return await (await self._who(job)).perform(job, output)

    async def resume(self, job: Job, output: Output) -> Outcome:
        """Hand it over."""
        return await (await self._who(job)).resume(job, output)

    async def check(self, job: Job) -> Effect:
        """Hand it over."""
        return await (await self._who(job)).check(job)

    async def end(self, job: Job) -> Ending:
        """Hand it over."""
        return await (await self._who(job)).end(job)

    async def _who(self, job: Job) -> Performer:
        return self._through_bot if await self._passes(job) else self._on_host


async def kept_elsewhere(job: Job) -> bool:
    """Whether the backups of a job's target lie elsewhere than on its host."""
    return job.target.backups is not None and job.target.backups.store is not None


def unreadable_on_host(catalog: BackupCatalog) -> Chooses:
    """Say for a job that reads a backup whether its host cannot: it lies elsewhere, or is encrypted.

    Args:
        catalog: finds it.
    """

    async def passes(job: Job) -> bool:
        if await kept_elsewhere(job):
            return True
        act = job.step.act
        if not isinstance(act, Prove | Load):
            raise TypeError(f"not a step that reads a backup: {act!r}")
        try:
            manifest = (await catalog.find(job.target, act.backup)).manifest
        except RefusedError:
            return False  # who then reads it on the host is refused too, and says why
        return manifest is not None and bool(manifest.encrypted_to)

    return passes
