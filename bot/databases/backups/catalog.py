"""Finding the backups of a target wherever they lie: on its first host, or in a vault."""

from __future__ import annotations

from bot.databases.backups.host_catalog import Backups, Found, Presence
from bot.databases.backups.manifest import Manifest
from bot.databases.backups.remote_catalog import find_in_vault, read_whole, vault_shelf
from bot.databases.ports import HostReader, Vaults
from bot.domain.backups.backup import Shelf
from bot.domain.errors import Reason, Refused, problem
from bot.domain.targets.target import Target


class Finder:
    """Reads the backups of targets.

    Args:
        reader: runs commands that only read, on hosts.
        vaults: where backups lie that are on no host; None where all are.
    """

    def __init__(self, reader: HostReader, vaults: Vaults | None = None) -> None:
        self._on_hosts = Backups(reader)
        self._vaults = vaults

    async def shelf(self, target: Target) -> Shelf:
        """Read every backup of a target.

        Args:
            target: which.

        Raises:
            Refused: `backup_impossible`, `backup_store_failed`, or a host's reason.
        """
        vaults = self._elsewhere(target)
        return await (self._on_hosts.shelf(target) if vaults is None else vault_shelf(vaults.of(target), target))

    async def find(self, target: Target, backup: str) -> Found:
        """Find a backup, and compare the dump's size with its manifest.

        Args:
            target: whose.
            backup: its ID.

        Raises:
            Refused: `backup_store_failed`, or a host's reason.
        """
        vaults = self._elsewhere(target)
        if vaults is not None:
            return await find_in_vault(vaults.of(target), backup)
        return await self._on_hosts.find(target.hosts[0], _directory(target), backup)

    async def whole(self, target: Target, backup: str) -> Found:
        """As `find`, and read the whole dump to compare its checksum.

        Args:
            target: whose.
            backup: its ID.

        Raises:
            Refused: `backup_store_failed`, or a host's reason.
        """
        vaults = self._elsewhere(target)
        if vaults is not None:
            return await read_whole(vaults.of(target), backup)
        return await self._on_hosts.prove_checksum(target.hosts[0], _directory(target), backup)

    async def manifest(self, target: Target, backup: str) -> Manifest:
        """Read the manifest of a target's backup.

        Args:
            target: which.
            backup: its ID.

        Raises:
            Refused: `not_restorable`, it is not whole; `backup_store_failed`; or a host's reason.
        """
        found = await self.find(target, backup)
        if found.manifest is None or found.presence is not Presence.WHOLE:
            detail = found.detail or f"the backup is {found.presence.value}"
            raise Refused(problem(Reason.NOT_RESTORABLE, backup=backup, stage="file", detail=detail))
        return found.manifest

    def _elsewhere(self, target: Target) -> Vaults | None:
        return self._vaults if target.backups is not None and target.backups.store is not None else None


def _directory(target: Target) -> str:
    return target.backups.directory if target.backups is not None else ""
