"""The step that makes a backup: dump on the host or into a storage, and read it back before it is called a backup."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bot.databases.backups.access import BackupAccess
from bot.databases.backups.dump_script import (
    EMPTY_CONTEXT,
    DumpContext,
    DumpStage,
    dump_job,
    dump_problem,
    failed_stage,
)
from bot.databases.backups.dump_upload import upload_dump
from bot.databases.backups.host_catalog import BackupLookup, BackupState
from bot.databases.backups.host_script import HostScript
from bot.databases.backups.manifest import dump_files
from bot.databases.backups.relay import end_interrupted_transfer
from bot.databases.backups.script_step import ScriptStep, TailedOutput, act_of
from bot.databases.ports import BackupStorage
from bot.domain.errors import Problem, RefusedError
from bot.domain.runs.acts import Dump
from bot.domain.targets.target import Target
from bot.engine.ports import Done, Effect, Failed, Job, Outcome, Output

DumpContextReader = Callable[[Target, tuple[str, ...]], Awaitable[DumpContext]]
"""Reads what is known before a dump of a target's tables (none means all). It never fails: it knows less."""


class DumpPerformer(ScriptStep):
    """Makes a backup where the target keeps its backups. Implements `Performer`.

    On its host, the script publishes the dump, which is then read back. Elsewhere, the bot uploads what the script
    writes, and makes it a backup by writing the manifest last: the script ended well, all that the host sent arrived,
    and the storage returns what was written.

    Args:
        access: to hosts and backups.
        context: reads what is known before a dump; None where nothing is.
        pauses: seconds between tries to read back from a host that does not answer.
    """

    def __init__(
        self,
        access: BackupAccess,
        context: DumpContextReader | None = None,
        pauses: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 15.0),
    ) -> None:
        super().__init__(access.runner)
        self._access = access
        self._context = context
        self._pauses = pauses

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Make the backup, unless it is there."""
        storage = self._access.storages.remote(job.target)
        tail = TailedOutput(output)
        try:
            if storage is not None:
                return await self._upload(job, storage, tail)
            context = await self._read_context(job)
            script = self._script(job, context)
        except RefusedError as refused:
            return Failed(refused.problem)
        except ValueError as error:
            return self._unusable(job, str(error))
        outcome = self._explain(job, await self._run(job, script, tail), tail)
        return await self._finish(job, context) if isinstance(outcome, Done) else outcome

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`, but never start it. An upload ended with the bot that made it, unless it was complete."""
        storage = self._access.storages.remote(job.target)
        if storage is None:
            return await super().resume(job, output)
        try:
            found = await self._whole(job)
        except RefusedError as refused:
            return Failed(refused.problem)
        if found.state is BackupState.WHOLE and belongs_to_target(found, job):
            return Done(backup_facts(found, storage.place))
        return await end_interrupted_transfer(self._runner, job)

    async def check(self, job: Job) -> Effect:
        """Check whether the backup is there and whole."""
        if job.step.check is not None:
            return await self._runner.check(job, job.target.path)
        try:
            found = await self._whole(job)
        except RefusedError:
            return Effect.CANNOT_TELL
        match found.state:
            case BackupState.WHOLE if belongs_to_target(found, job):
                return Effect.TOOK
            case BackupState.ABSENT:
                return Effect.DID_NOT
        return Effect.CANNOT_TELL

    async def _build(self, job: Job) -> HostScript:
        return self._script(job, await self._read_context(job))

    def _script(self, job: Job, context: DumpContext) -> HostScript:
        return dump_job(job.target, act_of(job, Dump), job.run, job.attempt, context)

    def _unusable(self, job: Job, detail: str) -> Failed:
        return Failed(dump_problem(DumpStage.SETTINGS, detail))

    def _failed(self, job: Job, exit_status: int, detail: str) -> Outcome | None:
        stage = failed_stage(exit_status)
        return None if stage is None else Failed(dump_problem(stage, detail), exit_status)

    async def _finish(self, job: Job, context: DumpContext = EMPTY_CONTEXT) -> Outcome:
        found = await self._read_back(job)
        if isinstance(found, Problem):
            return Failed(found)
        if found.state is not BackupState.WHOLE or found.manifest is None:
            detail = f"{found.state.value}: {found.detail}" if found.detail else found.state.value
            return Failed(dump_problem(DumpStage.READ_BACK, detail))
        if not belongs_to_target(found, job):
            return Failed(dump_problem(DumpStage.READ_BACK, "a backup of another database has this ID"))
        return Done(backup_facts(found, _directory(job).rstrip("/"), context))

    async def _read_back(self, job: Job) -> BackupLookup | Problem:
        for pause in (*self._pauses, None):
            found: BackupLookup | Problem
            try:
                found = await self._whole(job)
            except RefusedError as refused:
                found = dump_problem(DumpStage.READ_BACK, refused.problem.reason.value)
            else:
                if found.state is not BackupState.UNREADABLE:
                    return found
            if pause is None:
                break
            await asyncio.sleep(pause)
        return found

    async def _upload(self, job: Job, storage: BackupStorage, tail: TailedOutput) -> Outcome:
        dump = act_of(job, Dump)
        found = await self._whole(job)
        if found.state is BackupState.WHOLE and belongs_to_target(found, job):
            return Done(backup_facts(found, storage.place))
        if found.state is not BackupState.ABSENT:
            detail = f"{storage.place} has another file of this ID: {found.detail}"
            return Failed(dump_problem(DumpStage.STORE, detail))
        # Parts of an earlier attempt, whose bot was killed.
        await storage.remove(dump_files(dump.backup))
        context, room = await asyncio.gather(self._read_context(job), storage.free_bytes())
        # The size of a first dump is not known; the storage then stops before its disk is full.
        if room is not None and room < context.bytes * 1.25:
            detail = f"{storage.place} has room for {room} bytes, and {round(context.bytes * 1.25)} are needed"
            return Failed(dump_problem(DumpStage.SPACE, detail))
        outcome = await upload_dump(self._access, job, storage, self._script(job, context), tail)
        if not isinstance(outcome, Done):
            return self._explain(job, outcome, tail)
        found = await self._access.catalog.find(job.target, dump.backup)
        if found.state is not BackupState.WHOLE or found.manifest is None:
            return Failed(dump_problem(DumpStage.READ_BACK, found.detail or found.state.value))
        return Done(backup_facts(found, storage.place, context))

    async def _whole(self, job: Job) -> BackupLookup:
        return await self._access.catalog.whole(job.target, act_of(job, Dump).backup)

    async def _read_context(self, job: Job) -> DumpContext:
        return EMPTY_CONTEXT if self._context is None else await self._context(job.target, act_of(job, Dump).tables)


def _directory(job: Job) -> str:
    return job.target.backups.directory if job.target.backups is not None else ""


def backup_facts(found: BackupLookup, place: str, context: DumpContext = EMPTY_CONTEXT) -> dict[str, str]:
    """Return the facts of a step that made a backup.

    Args:
        found: the backup, whole.
        place: where it lies.
        context: what was known before; a dump that is much smaller than the previous one is reported.
    """
    manifest = found.manifest
    if manifest is None:
        return {}
    facts = {
        "backup": manifest.backup,
        "path": f"{place}/{manifest.file}",
        "bytes": str(manifest.bytes),
        "sha256": manifest.sha256,
        "seconds": str(manifest.seconds),
        "tables": str(len(manifest.tables)),
        "database": manifest.database,
        "started": manifest.started,
        "server": manifest.server,
        "proof": manifest.proof.value,
    }
    if manifest.encrypted_to:
        facts["encrypted"] = "yes"
    if context.backup != manifest.backup and context.shrunk(manifest.bytes):
        facts |= {"previous": context.backup, "previous_bytes": str(context.bytes)}
    return facts


def belongs_to_target(found: BackupLookup, job: Job) -> bool:
    """Whether a backup that was found is one of a job's own target."""
    manifest, database = found.manifest, job.target.database
    return (
        manifest is not None
        and database is not None
        and (manifest.app, manifest.environment) == (job.target.name.app, job.target.name.environment)
        and manifest.database == database.name
    )
