"""The step that removes backups from where they are kept, where that is not their host."""

from __future__ import annotations

from bot.databases.backups.manifest import dump_files
from bot.databases.backups.remote_catalog import manifest_file
from bot.databases.ports import BackupStorages
from bot.domain.errors import RefusedError
from bot.domain.runs.acts import Discard
from bot.engine.ports import Done, Effect, Ending, Failed, Job, Outcome, Output, TargetReader


class RemotePrunePerformer:
    """Removes backups from a vault, except those that a run speaks of by now. Implements `Performer`.

    Removing is the same however often it is done.

    Args:
        storages: have them.
        observer: reads which ones runs speak of.
    """

    def __init__(self, storages: BackupStorages, observer: TargetReader) -> None:
        self._storages = storages
        self._observer = observer

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Remove each backup, its manifest first: what has none is no backup."""
        act = job.step.act
        if not isinstance(act, Discard):
            raise TypeError(f"not a step for this performer: {act!r}")
        try:
            storage = self._storages.of(job.target)
            # Somebody may have asked for one of them since the plan was made.
            referred = (await self._observer.look(job.target).backups()).referred
            going = [backup for backup in act.backups if backup not in referred]
            for backup in going:
                await storage.remove((manifest_file(backup), *dump_files(backup)))
        except RefusedError as refused:
            return Failed(refused.problem)
        stayed = [backup for backup in act.backups if backup in referred]
        return Done({"removed": ", ".join(going)} | ({"stayed": ", ".join(stayed)} if stayed else {}))

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`."""
        return await self.perform(job, output)

    async def check(self, job: Job) -> Effect:
        """It is done again instead."""
        return Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        """Say that there is no process."""
        return Ending.GONE
