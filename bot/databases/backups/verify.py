"""The step that proves a backup: restore it into a scratch database, compare, and write down what came of it."""

from __future__ import annotations

from dataclasses import replace

from bot.databases.backups.catalog import BackupCatalog
from bot.databases.backups.dump import TailedOutput, masked
from bot.databases.backups.host_catalog import Found, Presence
from bot.databases.backups.manifest import Manifest
from bot.databases.backups.restore_script import Stage, failed_stage, proof_job
from bot.databases.ports import HostReader, HostRunner
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.acts import Prove
from bot.domain.shell import syntax
from bot.domain.targets.target import Database
from bot.engine.ports import Done, Effect, Ending, Failed, Job, Outcome, Output, Unknown

_HAS_MYLOADER = syntax("command -v myloader >/dev/null 2>&1 && command -v tar >/dev/null 2>&1")
_QUICK = 30.0


class ProvePerformer:
    """Proves a backup on the host of its step. Implements `Performer`.

    Args:
        runner: runs the script detached.
        reader: reads the result.
    """

    def __init__(self, runner: HostRunner, reader: HostReader) -> None:
        self._runner = runner
        self._reader = reader
        self._catalog = BackupCatalog(reader)

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Restore and compare; where there may be no scratch database, check the file alone."""
        act = _act(job)
        if act.scratch is None:
            return await self._checked(job)
        try:
            manifest = await manifest_of(self._catalog, job, act.backup)
            made = proof_job(manifest, directory_of(job), database_of(job), act.scratch, job.attempt)
        except RefusedError as refused:
            return Failed(refused.problem)
        except ValueError as error:
            return not_restorable(act.backup, Stage.FILE, str(error))
        told = TailedOutput(output)
        outcome = await self._runner.perform(job, made.script, "/", made.files, told)
        return await self._judged(job, outcome, told)

    async def resume(self, job: Job, output: Output) -> Outcome:
        """As `perform`, but never start it."""
        if _act(job).scratch is None:
            return await self._checked(job)
        told = TailedOutput(output)
        return await self._judged(job, await self._runner.resume(job, told), told)

    async def check(self, job: Job) -> Effect:
        """A proof that nobody saw the end of is made again."""
        return Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        """End the restore; it drops the scratch database itself."""
        return await self._runner.end(job)

    async def _judged(self, job: Job, outcome: Outcome, told: TailedOutput) -> Outcome:
        act = _act(job)
        match outcome:
            case Failed(exit_status=exit_status):
                stage = failed_stage(exit_status)
                if stage is None:
                    return outcome
                said = masked(told.last_lines(), job).replace(
                    f"{directory_of(job).rstrip('/')}/{act.backup}", act.backup
                )
                return replace(not_restorable(act.backup, stage, said), exit_status=exit_status)
            case Done():
                return await self._told(job)
            case _:
                return outcome

    async def _told(self, job: Job) -> Outcome:
        """Read what the manifest says now."""
        act = _act(job)
        try:
            found = await self._catalog.find(job.target, act.backup)
        except RefusedError as refused:
            return Unknown(refused.problem)
        if found.manifest is None or found.presence is not Presence.WHOLE or found.manifest.proof.is_bad:
            return not_restorable(act.backup, Stage.MANIFEST, found.detail or found.presence.value)
        return Done(proof_facts(found))

    async def _checked(self, job: Job) -> Outcome:
        try:
            found = await self._catalog.whole(job.target, _act(job).backup)
        except RefusedError as refused:
            return Failed(refused.problem)
        if found.presence is not Presence.WHOLE:
            return not_restorable(_act(job).backup, Stage.FILE, found.detail or found.presence.value)
        if found.manifest is not None and found.manifest.by_mydumper and not await self._can_load(job):
            detail = "mydumper made this backup, and myloader or tar is not installed"
            return not_restorable(_act(job).backup, Stage.TOOLS, detail)
        return Done(proof_facts(found))

    async def _can_load(self, job: Job) -> bool:
        """Whether the host has what a folder of mydumper is restored with. One that does not answer is asked later."""
        try:
            return (await self._reader.read(job.place, _HAS_MYLOADER, _QUICK)).exit_status == 0
        except RefusedError:
            return True


def not_restorable(backup: str, stage: Stage, detail: str) -> Failed:
    """Say that a backup could not be restored, and where that failed; scripts begin what they say with as much."""
    detail = detail.replace(f"restoring {backup} failed at {stage.value}: ", "")
    return Failed(problem(Reason.NOT_RESTORABLE, backup=backup, stage=stage.value, detail=detail))


def directory_of(job: Job) -> str:
    """Give where the backups of a job's target lie."""
    return job.target.backups.directory if job.target.backups is not None else ""


def database_of(job: Job) -> Database:
    """Give the database of a job's target.

    Raises:
        ValueError: it has none.
    """
    if job.target.database is None:
        raise ValueError("the target has no database")
    return job.target.database


def proof_facts(found: Found) -> dict[str, str]:
    """Give the facts of a step that proved a backup."""
    manifest = found.manifest
    if manifest is None:
        return {}
    facts = {
        "backup": manifest.backup,
        "bytes": str(manifest.bytes),
        "sha256": manifest.sha256,
        "proof": manifest.proof.value,
        "proven_at": manifest.proven_at,
    }
    if manifest.restore_seconds is not None:
        facts["restore_seconds"] = str(manifest.restore_seconds)
    return facts


async def manifest_of(catalog: BackupCatalog, job: Job, backup: str) -> Manifest:
    """Read the manifest of a backup of a job's own target.

    Args:
        catalog: reads it.
        job: at which place, of which target.
        backup: its ID.

    Raises:
        ValueError: it is not whole, or it is of another app or database.
        RefusedError: with a host's reason.
    """
    return of_own_target(await catalog.find(job.target, backup), job)


def of_own_target(found: Found, job: Job) -> Manifest:
    """Give the manifest of a backup that was found, where it is one of a job's own target.

    Args:
        found: what was found.
        job: of which target.

    Raises:
        ValueError: it is not whole, or it is of another app or database.
    """
    database, manifest = job.target.database, found.manifest
    if found.presence is not Presence.WHOLE or manifest is None:
        raise ValueError(found.detail or f"the backup is {found.presence.value}")
    if database is None:
        raise ValueError("the target has no database")
    name = job.target.name
    if (manifest.app, manifest.environment, manifest.database) != (name.app, name.environment, database.name):
        raise ValueError(f"it is of {manifest.app} {manifest.environment}, database {manifest.database}")
    return manifest


def _act(job: Job) -> Prove:
    if not isinstance(job.step.act, Prove):
        raise TypeError(f"not a step for this performer: {job.step.act!r}")
    return job.step.act
