"""Base of the steps that restore a backup into a database beside the live one: to prove it, or to put it back."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from bot.databases.backups.access import BackupAccess
from bot.databases.backups.catalog import BackupCatalog
from bot.databases.backups.host_catalog import BackupState
from bot.databases.backups.manifest import Manifest
from bot.databases.backups.mark_damaged import mark_if_damaged
from bot.databases.backups.relay import end_interrupted_transfer
from bot.databases.backups.remote_catalog import manifest_file
from bot.databases.backups.restore_script import RestoreStage, SentBackup, failed_stage
from bot.databases.backups.script_step import ScriptStep
from bot.databases.backups.send_backup import identity_for, send_backup
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.acts import Load, Prove, Swap
from bot.domain.targets.target import Database
from bot.engine.ports import Failed, Job, Outcome, Output, Unknown


class RestoreStep(ScriptStep):
    """Translates the stages of restoring."""

    def _unusable(self, job: Job, detail: str) -> Failed:
        return not_restorable(_backup(job), RestoreStage.FILE, detail)

    def _failed(self, job: Job, exit_status: int, detail: str) -> Outcome | None:
        stage = failed_stage(exit_status)
        if stage is None:
            return None
        failed = not_restorable(_backup(job), stage, detail, exit_status)
        # Tables that could not be put back are in an unknown state.
        return Unknown(failed.problem) if stage is RestoreStage.HALF else failed


class LoadingStep(RestoreStep):
    """Restores a file of a backup: from the host's disk, or from bytes that the bot sends.

    The bot sends what the host cannot read itself: backups that are kept elsewhere, and encrypted ones. A file that
    turns out not to be the one that was made is marked as damaged in its manifest.

    Args:
        access: to hosts and backups.
    """

    def __init__(self, access: BackupAccess) -> None:
        super().__init__(access.runner)
        self._access = access

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Restore the backup, and compare it with its manifest."""
        return await self._mark(job, await super().perform(job, output))

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`, but never start it. What was being sent was lost with the bot that sent it: the script ends."""
        if await self._is_sent(job):
            return await end_interrupted_transfer(self._runner, job)
        return await self._mark(job, await super().resume(job, output))

    async def _is_sent(self, job: Job) -> bool:
        try:
            manifest = (await self._access.catalog.find(job.target, _backup(job))).manifest
        except RefusedError:
            # A remote backup is always sent; a host that does not answer now refuses the step itself too.
            return self._access.storages.remote(job.target) is not None
        return manifest is not None and self._must_send(job, manifest)

    def _must_send(self, job: Job, manifest: Manifest) -> bool:
        return self._access.storages.remote(job.target) is not None or bool(manifest.encrypted_to)

    async def _source(
        self, job: Job, manifest: Manifest
    ) -> tuple[str | SentBackup, Callable[[], Coroutine[Any, Any, None]] | None]:
        """Return where the script finds the backup, and what sends it there.

        Raises:
            RefusedError: `not_restorable`, the bot has no key to it; or the storage's reason.
        """
        if not self._must_send(job, manifest):
            return directory_of(job), None
        identity_for(job, manifest)
        storage = self._access.storages.reader(job.target)
        sent = SentBackup(pipe_of(job), await storage.get(manifest_file(manifest.backup)) or b"")
        return sent, lambda: send_backup(self._access.pipes, job, storage, manifest, sent.pipe)

    async def _mark(self, job: Job, outcome: Outcome) -> Outcome:
        if (
            isinstance(outcome, Failed)
            and outcome.problem.reason is Reason.NOT_RESTORABLE
            and outcome.problem.facts.get("stage") == RestoreStage.FILE.value
        ):
            await mark_if_damaged(self._access, job.target, _backup(job))
        return outcome


def not_restorable(backup: str, stage: RestoreStage, detail: str, exit_status: int | None = None) -> Failed:
    """Report that a backup could not be restored.

    Args:
        backup: its ID.
        stage: that failed.
        detail: for people; the script's own prefix is removed.
        exit_status: of the script, where it ran.
    """
    detail = detail.replace(f"restoring {backup} failed at {stage.value}: ", "")
    return Failed(problem(Reason.NOT_RESTORABLE, backup=backup, stage=stage.value, detail=detail), exit_status)


def directory_of(job: Job) -> str:
    """Return the directory of a target's backups on its host."""
    return job.target.backups.directory if job.target.backups is not None else ""


def pipe_of(job: Job) -> str:
    """Name the pipe through which a step's backup is sent, in the directory that the steps of its run share."""
    return f"{_backup(job)}.{job.step.key}.{job.attempt}.in"


def database_of(job: Job) -> Database:
    """Return the database of a job's target.

    Raises:
        ValueError: it has none.
    """
    if job.target.database is None:
        raise ValueError("the target has no database")
    return job.target.database


async def find_own_manifest(catalog: BackupCatalog, job: Job, backup: str) -> Manifest:
    """Read the manifest of a backup of a job's own target.

    Args:
        catalog: reads it.
        job: of which target.
        backup: its ID.

    Raises:
        ValueError: it is not whole, or it is of another app or database.
        RefusedError: `backup_store_failed`, or a host's reason.
    """
    found = await catalog.find(job.target, backup)
    manifest = found.manifest
    if found.state is not BackupState.WHOLE or manifest is None:
        raise ValueError(found.detail or f"the backup is {found.state.value}")
    name, database = job.target.name, database_of(job)
    if (manifest.app, manifest.environment, manifest.database) != (name.app, name.environment, database.name):
        raise ValueError(f"it is of {manifest.app} {manifest.environment}, database {manifest.database}")
    return manifest


def _backup(job: Job) -> str:
    act = job.step.act
    if not isinstance(act, Prove | Load | Swap):
        raise TypeError(f"not a step that restores a backup: {act!r}")
    return act.backup
