"""What the steps about backups share: the hosts, and where backups are kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from bot.databases.backups.catalog import BackupCatalog
from bot.databases.backups.storage.registry import StorageRegistry
from bot.databases.ports import HostPipes, HostReader, HostRunner


@dataclass(frozen=True)
class BackupAccess:
    """Access to hosts and to backups.

    Args:
        runner: runs scripts detached.
        reader: runs commands that only read.
        pipes: transfers bytes to and from scripts.
    """

    runner: HostRunner
    reader: HostReader
    pipes: HostPipes

    @cached_property
    def storages(self) -> StorageRegistry:
        """Where the backups of each target are kept."""
        return StorageRegistry(self.reader, self.pipes)

    @cached_property
    def catalog(self) -> BackupCatalog:
        """Finds the backups of each target."""
        return BackupCatalog(self.reader, self.storages)
