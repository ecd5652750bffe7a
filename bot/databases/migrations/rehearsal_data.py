"""The backup whose data a rehearsal's copy gets: which it is, and how it comes to a host that cannot read it itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from bot.databases.backups.catalog import BackupCatalog
from bot.databases.backups.encryption import decrypted
from bot.databases.backups.manifest import Manifest
from bot.databases.backups.verify import manifest_of
from bot.databases.migrations.rehearsal_script import NO_DATA, Data, data_of
from bot.databases.ports import BackupStorages, HostPipes
from bot.domain.errors import CUT, Reason, RefusedError
from bot.domain.runs.acts import Rehearse
from bot.domain.secrets import Secret
from bot.domain.targets.target import Database, RehearseOn
from bot.engine.ports import Job


@dataclass(frozen=True)
class Elsewhere:
    """What brings backups that are on no host, or that the bot alone has the key to.

    Args:
        pipes: carries them.
        storages: have them.
    """

    pipes: HostPipes
    storages: BackupStorages


class RehearsalData:
    """Finds the backup of a rehearsal, and sends it where the host cannot read it itself.

    Args:
        catalog: finds it.
        elsewhere: brings what the host cannot read; None where every backup is on its host in the clear.
    """

    def __init__(self, catalog: BackupCatalog, elsewhere: Elsewhere | None = None) -> None:
        self._catalog = catalog
        self._elsewhere = elsewhere

    async def of(self, job: Job, database: Database) -> Data:
        """Find the backup whose data the copy gets.

        Raises:
            RefusedError: the host did not answer.
        """
        backup, backup_list = _act(job).backup, job.target.backups
        if database.rehearse is not RehearseOn.DATA:
            return NO_DATA
        if backup is None or backup_list is None:
            return Data(why_not="no_backup")
        try:
            manifest = await manifest_of(self._catalog, job, backup)
        except ValueError as error:
            return Data(why_not="backup_unreadable", detail=f"{backup}: {error}")
        except RefusedError as refused:
            if refused.problem.reason is not Reason.BACKUP_STORE_FAILED:
                raise
            return Data(why_not="backup_unreadable", detail=f"{backup}: {refused.problem.facts.get('detail', '')}")
        if manifest.by_mydumper:
            return Data(why_not="backup_unreadable", detail=f"{backup} is a folder of mydumper, and no plain dump")
        if backup_list.store is None and not manifest.encrypted_to:
            return data_of(manifest, backup_list.directory)
        if manifest.encrypted_to and backup_list.identity is None:
            return Data(why_not="backup_unreadable", detail=f"{backup} is encrypted, and `backups.identity` is not set")
        if self._elsewhere is None:
            return Data(why_not="backup_unreadable", detail=f"{backup} is not kept on the host")
        return data_of(manifest, "", f"{backup}.{job.step.key}.{job.attempt}.in")

    async def carry(self, job: Job, data: Data) -> None:
        """Send the packed dump. What fails on the way makes it too short, which the script sees and says.

        Args:
            job: the rehearsal.
            data: of `of`, with a pipe.

        Raises:
            RefusedError: the line was cut, or the host cannot be reached.
        """
        if self._elsewhere is None:
            raise LookupError("there is nothing that brings a backup")
        sent = False

        async def passing(chunks: AsyncIterator[bytes], identity: Secret | None) -> AsyncGenerator[bytes, None]:
            nonlocal sent
            sent = True
            async for chunk in decrypted(chunks, identity) if identity is not None else chunks:
                yield chunk

        try:
            manifest = await manifest_of(self._catalog, job, data.backup)
            async with self._elsewhere.storages.backup_reader(job.target).read(manifest.file) as chunks:
                await self._elsewhere.pipes.send(job, data.pipe, passing(chunks, _identity(job, manifest)))
        except (RefusedError, ValueError) as error:
            if isinstance(error, RefusedError) and error.problem.facts.get("why") == CUT:
                raise
            if not sent:
                await self._nothing(job, data)

    async def _nothing(self, job: Job, data: Data) -> None:
        """End what the script waits for, unless it waits no longer."""
        if self._elsewhere is None:
            return
        try:
            await self._elsewhere.pipes.send(job, data.pipe, _none())
        except RefusedError as refused:
            if refused.problem.reason is not Reason.NEVER_STARTED:
                raise


async def _none() -> AsyncIterator[bytes]:
    return
    yield b""


def _identity(job: Job, manifest: Manifest) -> Secret | None:
    return job.target.backups.identity if manifest.encrypted_to and job.target.backups is not None else None


def _act(job: Job) -> Rehearse:
    if not isinstance(job.step.act, Rehearse):
        raise TypeError(f"not a step for this performer: {job.step.act!r}")
    return job.step.act
