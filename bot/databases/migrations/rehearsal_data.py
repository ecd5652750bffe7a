"""The backup whose data a rehearsal uses: finding it, and sending it to a host that cannot read it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from bot.databases.backups.access import BackupAccess
from bot.databases.backups.encryption import decrypted
from bot.databases.backups.host_script import HostScript
from bot.databases.backups.manifest import Manifest
from bot.databases.backups.relay import run_with_transfer
from bot.databases.backups.restore_step import find_own_manifest
from bot.databases.migrations.rehearsal_script import NO_DATA, CopiedData, data_of
from bot.databases.ports import HostRunner
from bot.domain.errors import CUT, Reason, RefusedError
from bot.domain.runs.acts import Rehearse, SandboxRehearsal
from bot.domain.secrets import Secret
from bot.domain.targets.target import Database, RehearseOn
from bot.engine.ports import Job, Outcome, Output


class BackupDataSource:
    """Finds the backup of a rehearsal, and sends it to a host that cannot read it.

    Args:
        backups: access to them.
    """

    def __init__(self, backups: BackupAccess) -> None:
        self._backups = backups

    async def of(self, job: Job, database: Database) -> CopiedData:
        """Find the backup to rehearse on.

        Raises:
            RefusedError: the host did not answer.
        """
        backup, backup_list = _act(job).backup, job.target.backups
        if database.rehearse is not RehearseOn.DATA:
            return NO_DATA
        if backup is None or backup_list is None:
            return CopiedData(why_not="no_backup")
        try:
            manifest = await find_own_manifest(self._backups.catalog, job, backup)
        except ValueError as error:
            return CopiedData(why_not="backup_unreadable", detail=f"{backup}: {error}")
        except RefusedError as refused:
            if refused.problem.reason is not Reason.BACKUP_STORE_FAILED:
                raise
            return CopiedData(
                why_not="backup_unreadable", detail=f"{backup}: {refused.problem.facts.get('detail', '')}"
            )
        if manifest.by_mydumper:
            return CopiedData(
                why_not="backup_unreadable", detail=f"{backup} is a folder of mydumper, and no plain dump"
            )
        if backup_list.store is None and not manifest.encrypted_to:
            return data_of(manifest, backup_list.directory)
        if manifest.encrypted_to and backup_list.identity is None:
            return CopiedData(
                why_not="backup_unreadable", detail=f"{backup} is encrypted, and `backups.identity` is not set"
            )
        return data_of(manifest, "", f"{backup}.{job.step.key}.{job.attempt}.in")

    async def run(self, runner: HostRunner, job: Job, script: HostScript, data: CopiedData, output: Output) -> Outcome:
        """Run the script of a rehearsal in the checkout, and send it the dump that it waits for.

        Args:
            runner: runs it detached.
            job: the rehearsal.
            script: what runs.
            data: of `of`.
            output: receives what the script prints.
        """
        if not data.pipe:
            return await runner.perform(job, script.command, job.target.path, script.files, output)
        outcome, _ = await run_with_transfer(runner, job, script, output, self.send(job, data), job.target.path)
        return outcome

    async def send(self, job: Job, data: CopiedData) -> None:
        """Send the packed dump. A failure on the way shortens it, which the script detects.

        Args:
            job: the rehearsal.
            data: of `of`, with a pipe.

        Raises:
            RefusedError: the line was cut, or the host cannot be reached.
        """
        sent = False

        async def passing(chunks: AsyncIterator[bytes], identity: Secret | None) -> AsyncGenerator[bytes, None]:
            nonlocal sent
            sent = True
            async for chunk in decrypted(chunks, identity) if identity is not None else chunks:
                yield chunk

        try:
            manifest = await find_own_manifest(self._backups.catalog, job, data.backup)
            async with self._backups.storages.reader(job.target).read(manifest.file) as chunks:
                await self._backups.pipes.send(job, data.pipe, passing(chunks, _identity(job, manifest)))
        except (RefusedError, ValueError) as error:
            if isinstance(error, RefusedError) and error.problem.facts.get("why") == CUT:
                raise
            if not sent:
                await self._nothing(job, data)

    async def _nothing(self, job: Job, data: CopiedData) -> None:
        """Close the script's pipe without data, unless the script has ended."""
        try:
            await self._backups.pipes.send(job, data.pipe, _none())
        except RefusedError as refused:
            if refused.problem.reason is not Reason.NEVER_STARTED:
                raise


async def _none() -> AsyncIterator[bytes]:
    return
    yield b""


def _identity(job: Job, manifest: Manifest) -> Secret | None:
    return job.target.backups.identity if manifest.encrypted_to and job.target.backups is not None else None


def _act(job: Job) -> Rehearse | SandboxRehearsal:
    if not isinstance(job.step.act, Rehearse | SandboxRehearsal):
        raise TypeError(f"not a step for this performer: {job.step.act!r}")
    return job.step.act
