"""The storage of each target's backups."""

from __future__ import annotations

from pathlib import Path

from bot.databases.backups.storage.directory import DirectoryStorage
from bot.databases.backups.storage.host import HostStorage
from bot.databases.backups.storage.s3 import S3Storage
from bot.databases.ports import BackupReader, BackupStorage, HostPipes, HostReader
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import TargetName
from bot.domain.targets.target import BotDirectory, Bucket, Target


class StorageRegistry:
    """Returns the storage of each target; one bucket or directory can hold those of many.

    Args:
        reader: runs commands that only read, on hosts.
        pipes: reads long files of hosts.
    """

    def __init__(self, reader: HostReader, pipes: HostPipes) -> None:
        self._reader = reader
        self._pipes = pipes
        self._buckets: dict[TargetName, S3Storage] = {}

    def remote(self, target: Target) -> BackupStorage | None:
        """Return the storage of a target whose backups are not on its host; None where they are, or it has none.

        Args:
            target: which.
        """
        folder = f"{target.name.app}/{target.name.environment}"
        match None if target.backups is None else target.backups.store:
            case BotDirectory(path):
                return DirectoryStorage(Path(path) / folder)
            case Bucket() as bucket:
                if target.name not in self._buckets:
                    self._buckets[target.name] = S3Storage(bucket, folder)
                return self._buckets[target.name]
        return None

    def reader(self, target: Target) -> BackupReader:
        """Return what reads the backups of a target, on its host or elsewhere.

        Args:
            target: which.

        Raises:
            RefusedError: `backup_impossible`, it has no `backups`.
        """
        remote = self.remote(target)
        if remote is not None:
            return remote
        if target.backups is None:
            raise RefusedError(
                problem(Reason.BACKUP_IMPOSSIBLE, stage="configuration", detail=f"{target.name} has no `backups:`")
            )
        return HostStorage(self._reader, self._pipes, target.hosts[0], target.backups.directory)
