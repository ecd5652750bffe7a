"""The catalog of a target's backups, on its first host or in a remote storage."""

from __future__ import annotations

from bot.databases.backups.host_catalog import BackupLookup, BackupState, HostCatalog
from bot.databases.backups.manifest import Manifest
from bot.databases.backups.remote_catalog import find_remote, read_whole, remote_backup_list
from bot.databases.backups.storage.registry import StorageRegistry
from bot.databases.ports import HostReader
from bot.domain.backups.backup import BackupList
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.targets.target import Target


class BackupCatalog:
    """Finds the backups of targets.

    Args:
        reader: runs commands that only read, on hosts.
        storages: of targets whose backups are on no host.
    """

    def __init__(self, reader: HostReader, storages: StorageRegistry) -> None:
        self._on_hosts = HostCatalog(reader)
        self._storages = storages

    async def backup_list(self, target: Target) -> BackupList:
        """Read every backup of a target.

        Args:
            target: which.

        Raises:
            RefusedError: `backup_impossible`, `backup_store_failed`, or a host's reason.
        """
        storage = self._storages.remote(target)
        return await (self._on_hosts.backup_list(target) if storage is None else remote_backup_list(storage, target))

    async def find(self, target: Target, backup: str) -> BackupLookup:
        """Find a backup, and compare the dump's size with its manifest.

        Args:
            target: whose.
            backup: its ID.

        Raises:
            RefusedError: `backup_store_failed`, or a host's reason.
        """
        storage = self._storages.remote(target)
        if storage is not None:
            return await find_remote(storage, backup)
        return await self._on_hosts.find(target.hosts[0], _directory(target), backup)

    async def whole(self, target: Target, backup: str) -> BackupLookup:
        """As `find`, and read the whole dump to compare its checksum; a host computes it itself.

        Args:
            target: whose.
            backup: its ID.

        Raises:
            RefusedError: `backup_store_failed`, or a host's reason.
        """
        storage = self._storages.remote(target)
        if storage is not None:
            return await read_whole(storage, backup)
        return await self._on_hosts.verify_checksum(target.hosts[0], _directory(target), backup)

    async def manifest(self, target: Target, backup: str) -> Manifest:
        """Read the manifest of a target's backup.

        Args:
            target: which.
            backup: its ID.

        Raises:
            RefusedError: `not_restorable`, it is not whole; `backup_store_failed`; or a host's reason.
        """
        found = await self.find(target, backup)
        if found.manifest is None or found.state is not BackupState.WHOLE:
            detail = found.detail or f"the backup is {found.state.value}"
            raise RefusedError(problem(Reason.NOT_RESTORABLE, backup=backup, stage="file", detail=detail))
        return found.manifest


def _directory(target: Target) -> str:
    return target.backups.directory if target.backups is not None else ""
