"""Proving and loading a backup that the host cannot read itself: it lies elsewhere, or the bot alone has its key."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

from bot.databases.backups.byte_counter import Counted
from bot.databases.backups.dump import TailedOutput, masked
from bot.databases.backups.encryption import decrypted
from bot.databases.backups.host_catalog import what_differs
from bot.databases.backups.manifest import Manifest, parse_manifest
from bot.databases.backups.relay import cut_short, side_by_side
from bot.databases.backups.remote_catalog import find_remote, manifest_file, read_whole
from bot.databases.backups.restore_script import (
    RestoringJob,
    Sent,
    Stage,
    failed_stage,
    load_job,
    only_on_host,
    proof_job,
)
from bot.databases.backups.verify import database_of, not_restorable, of_own_target, proof_facts
from bot.databases.ports import BackupReader, BackupStorages, HostPipes, HostRunner
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.acts import Load, Prove
from bot.domain.secrets import Secret
from bot.engine.ports import Done, Effect, Ending, Failed, Job, Outcome, Output


class _Sending:
    """What both steps share: a script restores what the bot sends, and compares it.

    Args:
        runner: runs the script detached.
        pipes: carries the backup.
        storages: have it.
    """

    def __init__(self, runner: HostRunner, pipes: HostPipes, storages: BackupStorages) -> None:
        self._runner = runner
        self._pipes = pipes
        self._storages = storages

    async def resume(self, job: Job, output: Output) -> Outcome:
        """End what was begun: what it was sent went with the bot that sent it."""
        return await cut_short(self._runner, job)

    async def check(self, job: Job) -> Effect:
        """A restore that nobody saw the end of is made again."""
        return Effect.CANNOT_TELL

    async def end(self, job: Job) -> Ending:
        """End the restore; it drops the database that it made itself."""
        return await self._runner.end(job)

    async def _sent(
        self, job: Job, storage: BackupReader, manifest: Manifest, made: RestoringJob, told: TailedOutput
    ) -> Outcome:
        carrying = self._carry(job, storage, manifest)
        outcome, _ = await side_by_side(self._runner, job, made.script, dict(made.files), told, carrying)
        if isinstance(outcome, Failed):
            stage = failed_stage(outcome.exit_status)
            if stage is not None:
                failed = not_restorable(manifest.backup, stage, masked(told.last_lines(), job))
                return replace(failed, exit_status=outcome.exit_status)
        return outcome

    async def _carry(self, job: Job, storage: BackupReader, manifest: Manifest) -> None:
        """Send the packed dump; a file that is not what was made is sent in vain, and says so."""
        counted = Counted()
        async with storage.read(manifest.file) as chunks:
            passing: AsyncIterator[bytes] = _checked(counted, counted.counting(chunks), manifest)
            if manifest.encrypted_to:
                passing = decrypted(passing, _identity(job, manifest))
            await self._pipes.send(job, _pipe(job, manifest.backup), passing)


class StreamedProvePerformer(_Sending):
    """Proves a backup from where it lies. Implements `Performer`."""

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Restore and compare; where there may be no scratch database, check the file alone."""
        act = _act(job)
        try:
            storage = self._storages.backup_reader(job.target)
            if act.scratch is None:
                return await _file_alone(storage, act.backup)
            manifest, text = await _manifest_of(storage, job, act.backup)
            sent = Sent(_pipe(job, act.backup), text)
            made = proof_job(manifest, sent, database_of(job), act.scratch, job.attempt)
            told = TailedOutput(output)
            outcome = await self._sent(job, storage, manifest, made, told)
            return await self._recorded(job, storage, sent, outcome)
        except RefusedError as refused:
            return Failed(refused.problem)
        except ValueError as error:
            return not_restorable(act.backup, Stage.FILE, str(error))

    async def _recorded(self, job: Job, storage: BackupReader, sent: Sent, outcome: Outcome) -> Outcome:
        """Take what the script wrote into the manifest, and keep it where the backup lies."""
        act = _act(job)
        refuted = isinstance(outcome, Failed) and outcome.exit_status == Stage.REFUTED.exit_status
        if not isinstance(outcome, Done) and not refuted:
            return outcome
        text = await self._pipes.note(job, sent.result)
        manifest = parse_manifest(text)
        if manifest.backup != act.backup:
            return not_restorable(act.backup, Stage.MANIFEST, f"the host gave the manifest of {manifest.backup}")
        await storage.put(manifest_file(act.backup), text)
        if refuted:
            return outcome
        found = await find_remote(storage, act.backup)
        if found.manifest is None or found.manifest.proof.is_bad:
            return not_restorable(act.backup, Stage.MANIFEST, found.detail or found.presence.value)
        return Done(proof_facts(found))


class StreamedLoadPerformer(_Sending):
    """Restores a backup from where it lies into a fresh database. Implements `Performer`."""

    async def perform(self, job: Job, output: Output) -> Outcome:
        """Restore beside the live database, and compare."""
        act = job.step.act
        if not isinstance(act, Load):
            raise TypeError(f"not a step for this performer: {act!r}")
        try:
            storage = self._storages.backup_reader(job.target)
            manifest, text = await _manifest_of(storage, job, act.backup)
            if manifest.sha256 != act.sha256:
                return not_restorable(act.backup, Stage.FILE, "the file is not the one that was approved")
            sent = Sent(_pipe(job, act.backup), text)
            made = load_job(manifest, sent, database_of(job), act.fresh, job.attempt)
            outcome = await self._sent(job, storage, manifest, made, TailedOutput(output))
        except RefusedError as refused:
            return Failed(refused.problem)
        except ValueError as error:
            return not_restorable(act.backup, Stage.FILE, str(error))
        return Done({"backup": act.backup}) if isinstance(outcome, Done) else outcome


async def _manifest_of(storage: BackupReader, job: Job, backup: str) -> tuple[Manifest, bytes]:
    """Read the manifest of a backup of a job's own target, which the bot can open.

    Raises:
        ValueError: it is not whole, or it is of another app or database.
        RefusedError: `not_restorable`, the bot has no key to it; or what the vault or the host answers.
    """
    manifest = of_own_target(await find_remote(storage, backup), job)
    if manifest.encrypted_to:
        _identity(job, manifest)
    return manifest, await storage.get(manifest_file(backup)) or b""


def _identity(job: Job, manifest: Manifest) -> Secret:
    identity = job.target.backups.identity if job.target.backups is not None else None
    if identity is None:
        detail = f"it is encrypted to {manifest.encrypted_to}, and `backups.identity` is not set"
        raise RefusedError(problem(Reason.NOT_RESTORABLE, backup=manifest.backup, stage="configuration", detail=detail))
    return identity


async def _checked(counted: Counted, chunks: AsyncIterator[bytes], manifest: Manifest) -> AsyncGenerator[bytes, None]:
    """Let the file go by; its end is an end only where it is the file that was made."""
    try:
        async for chunk in chunks:
            yield chunk
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()
    if counted.sha256 != manifest.sha256:
        detail = what_differs(manifest.file, counted.sha256, manifest.sha256)
        raise RefusedError(
            problem(Reason.NOT_RESTORABLE, backup=manifest.backup, stage=Stage.FILE.value, detail=detail)
        )


async def _file_alone(storage: BackupReader, backup: str) -> Outcome:
    found = await read_whole(storage, backup)
    if found.manifest is None or found.detail:
        return not_restorable(backup, Stage.FILE, found.detail or found.presence.value)
    if found.manifest.by_mydumper:
        return not_restorable(backup, Stage.TOOLS, only_on_host(found.manifest))
    return Done(proof_facts(found))


def _pipe(job: Job, backup: str) -> str:
    return f"{backup}.{job.step.key}.{job.attempt}.in"


def _act(job: Job) -> Prove:
    if not isinstance(job.step.act, Prove):
        raise TypeError(f"not a step for this performer: {job.step.act!r}")
    return job.step.act
