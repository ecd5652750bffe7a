"""Sending a backup to a script that restores it, where the host cannot read the backup itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from bot.databases.backups.byte_counter import ByteCounter
from bot.databases.backups.encryption import decrypted
from bot.databases.backups.host_catalog import describe_difference
from bot.databases.backups.manifest import Manifest
from bot.databases.backups.restore_script import RestoreStage
from bot.databases.ports import BackupReader, HostPipes
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.secrets import Secret
from bot.engine.ports import Job


async def send_backup(pipes: HostPipes, job: Job, storage: BackupReader, manifest: Manifest, pipe: str) -> None:
    """Send the packed dump in the clear.

    Args:
        pipes: to the host.
        job: whose script reads it.
        storage: has the file.
        manifest: of the backup.
        pipe: name of the script's pipe.

    Raises:
        RefusedError: `not_restorable`, the file is not the one that was made (the script then sees an early end), or
            there is no key to it; or the storage's or the host's reason.
    """
    identity = identity_for(job, manifest)
    counter = ByteCounter()
    async with storage.read(manifest.file) as chunks:
        passing: AsyncIterator[bytes] = _verified(counter, counter.count(chunks), manifest)
        if identity is not None:
            passing = decrypted(passing, identity)
        await pipes.send(job, pipe, passing)


def identity_for(job: Job, manifest: Manifest) -> Secret | None:
    """Return the key that decrypts a backup; None where it is in the clear.

    Args:
        job: of which target.
        manifest: of the backup.

    Raises:
        RefusedError: `not_restorable`, the target has no key.
    """
    if not manifest.encrypted_to:
        return None
    identity = job.target.backups.identity if job.target.backups is not None else None
    if identity is None:
        detail = f"it is encrypted to {manifest.encrypted_to}, and `backups.identity` is not set"
        raise RefusedError(problem(Reason.NOT_RESTORABLE, backup=manifest.backup, stage="configuration", detail=detail))
    return identity


async def _verified(
    counter: ByteCounter, chunks: AsyncIterator[bytes], manifest: Manifest
) -> AsyncGenerator[bytes, None]:
    """Pass the file on; raise at its end where it is not the one that was made."""
    try:
        async for chunk in chunks:
            yield chunk
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()
    if counter.sha256 != manifest.sha256:
        detail = describe_difference(manifest.file, counter.sha256, manifest.sha256)
        raise RefusedError(
            problem(Reason.NOT_RESTORABLE, backup=manifest.backup, stage=RestoreStage.FILE.value, detail=detail)
        )
