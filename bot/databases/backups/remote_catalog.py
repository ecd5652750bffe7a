"""The backups in a remote storage: which exist, and whether they are whole."""

from __future__ import annotations

import asyncio
import hashlib

from bot.databases.backups.host_catalog import BackupLookup, BackupState, backup_list_of, describe_difference
from bot.databases.backups.manifest import dump_files, parse_manifest
from bot.databases.ports import BackupReader
from bot.domain.backups.backup import BackupList
from bot.domain.targets.target import Target

_AT_A_TIME = 8
"""Maximum number of manifests read concurrently."""


def manifest_file(backup: str) -> str:
    """Return the name of a manifest's file."""
    return f"{backup}.json"


async def remote_backup_list(storage: BackupReader, target: Target) -> BackupList:
    """Read every backup of a target in its storage.

    Args:
        storage: of the target.
        target: which.

    Raises:
        RefusedError: `backup_store_failed`, or a host's reason.
    """
    sizes = await storage.sizes()
    places = asyncio.Semaphore(_AT_A_TIME)

    async def record(name: str) -> bytes:
        async with places:
            text = await storage.get(name) or b""
        backup = name.removesuffix(".json")
        size = next((str(sizes[file]) for file in dump_files(backup) if file in sizes), "missing")
        return f"\x1e{name}\t{size}\n".encode() + text

    names = sorted(name for name in sizes if name.endswith(".json"))
    return backup_list_of(target, b"".join(await asyncio.gather(*(record(name) for name in names))))


async def find_remote(storage: BackupReader, backup: str) -> BackupLookup:
    """Find a backup by its manifest and compare the dump's size with it; cheap however large the dump is.

    Args:
        storage: where.
        backup: its ID.

    Raises:
        RefusedError: `backup_store_failed`, or a host's reason.
    """
    text = await storage.get(manifest_file(backup))
    if text is None:
        return BackupLookup(BackupState.ABSENT)
    try:
        manifest = parse_manifest(text)
    except ValueError as error:
        return BackupLookup(BackupState.DAMAGED, detail=str(error))
    if manifest.backup != backup:
        return BackupLookup(BackupState.DAMAGED, manifest, f"the manifest is that of {manifest.backup}")
    size = (await storage.sizes()).get(manifest.file)
    if size is None:
        return BackupLookup(BackupState.DAMAGED, manifest, f"{manifest.file} is missing")
    if size != manifest.bytes:
        detail = describe_difference(manifest.file, str(size), str(manifest.bytes))
        return BackupLookup(BackupState.DAMAGED, manifest, detail)
    return BackupLookup(BackupState.WHOLE, manifest)


async def read_whole(storage: BackupReader, backup: str) -> BackupLookup:
    """As `find_remote`, and read the whole dump to compare its checksum.

    Args:
        storage: where.
        backup: its ID.

    Raises:
        RefusedError: `backup_store_failed`, or a host's reason.
    """
    found = await find_remote(storage, backup)
    if found.state is not BackupState.WHOLE or found.manifest is None:
        return found
    file, expected = found.manifest.file, found.manifest.sha256
    actual = await remote_sha256(storage, file)
    if actual != expected:
        return BackupLookup(BackupState.DAMAGED, found.manifest, describe_difference(file, actual, expected))
    return found


async def remote_sha256(storage: BackupReader, file: str) -> str:
    """Read a stored file and return its checksum, 64 hexadecimal digits.

    Args:
        storage: where.
        file: its name.

    Raises:
        RefusedError: `backup_store_failed`, or a host's reason.
    """
    digest = hashlib.sha256()
    async with storage.read(file) as chunks:
        async for chunk in chunks:
            digest.update(chunk)
    return digest.hexdigest()
