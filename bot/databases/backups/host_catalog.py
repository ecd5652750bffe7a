"""The backups in a directory on a host: which exist, and whether they are whole."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from bot.databases.backups.dump_script import SHA256
from bot.databases.backups.manifest import Manifest, parse_manifest
from bot.databases.ports import HostReader
from bot.domain.backups.backup import BackupInfo, BackupList
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.shell import script_with
from bot.domain.targets.target import Target

_SHA256_DIGITS = 64
_QUICK = 30.0
_SLOWEST_DISK = 20_000_000
"""Bytes a second that the slowest disk reads."""


class _Status(IntEnum):
    """Exit statuses of the scripts below."""

    NO_MANIFEST = 44
    UNFINISHED = 45
    NO_DUMP = 46


_READ = """
manifest=$directory/$backup.json
if [ ! -e "$manifest" ]; then
  for part in "$directory/$backup".sql.*part "$directory/$backup".mydumper.*part; do [ ! -e "$part" ] || exit 45; done
  if [ -d "$directory" ] && [ ! -x "$directory" ]; then exit 1; fi
  exit 44
fi
cat -- "$manifest"
"""

_SIZE = """
[ -f "$directory/$file" ] || exit 46
wc -c <"$directory/$file"
"""

_CHECKSUM = """
[ -f "$directory/$file" ] || exit 46
sha256 "$directory/$file"
"""


_LIST = r"""
[ -d "$directory" ] || exit 0
[ -x "$directory" ] && [ -r "$directory" ] || exit 1
for manifest in "$directory"/*.json; do
  [ -f "$manifest" ] || continue
  name=${manifest##*/}
  stem=$directory/${name%.json}
  size=
  for dump in "$stem.sql.zst" "$stem.sql.gz" "$stem.sql.zst.age" "$stem.sql.gz.age" "$stem.mydumper.tar"; do
    [ ! -f "$dump" ] || size=$(wc -c <"$dump" | tr -d ' ')
  done
  printf '\036%s\t%s\n' "$name" "${size:-missing}"
  head -c 4000000 -- "$manifest"
done
"""
"""Prints each manifest after a line with a record separator, its name and the size of its dump."""


class BackupState(StrEnum):
    """State of a backup where it is kept."""

    WHOLE = "whole"
    """The dump is as its manifest says."""
    DAMAGED = "damaged"
    """Something of it exists, and does not match."""
    UNFINISHED = "unfinished"
    """There is only a `.part`: it may still be in the making."""
    ABSENT = "absent"
    UNREADABLE = "unreadable"
    """The host did not answer, or its answer is inconclusive."""


@dataclass(frozen=True)
class BackupLookup:
    """Result of looking up a backup.

    Args:
        state: of the backup.
        manifest: where it could be read.
        detail: what does not match, for people; empty where all does.
    """

    state: BackupState
    manifest: Manifest | None = None
    detail: str = ""


class HostCatalog:
    """Reads the backups in a directory on a host.

    Args:
        reader: runs commands that only read.
    """

    def __init__(self, reader: HostReader) -> None:
        self._reader = reader

    async def find(self, host: str, directory: str, backup: str) -> BackupLookup:
        """Find a backup by its manifest and compare the dump's size with it; cheap however large the dump is.

        Args:
            host: name of the host.
            directory: where its backups lie.
            backup: its ID.

        Raises:
            RefusedError: with a host's reason.
        """
        answer = await self._reader.read(host, script_with(_READ, directory=directory, backup=backup), _QUICK)
        match answer.exit_status:
            case 0:
                pass
            case _Status.NO_MANIFEST:
                return BackupLookup(BackupState.ABSENT)
            case _Status.UNFINISHED:
                return BackupLookup(BackupState.UNFINISHED)
            case _:
                return BackupLookup(BackupState.UNREADABLE, detail=_complaint(answer.stderr))
        try:
            manifest = parse_manifest(answer.stdout)
        except ValueError as error:
            return BackupLookup(BackupState.DAMAGED, detail=str(error))
        if manifest.backup != backup:
            return BackupLookup(BackupState.DAMAGED, manifest, f"the manifest is that of {manifest.backup}")
        return await self._compare(host, directory, manifest, _SIZE, str(manifest.bytes), _QUICK)

    async def backup_list(self, target: Target) -> BackupList:
        """Read every backup of a target that its first host has.

        Args:
            target: which.

        Raises:
            RefusedError: `backup_impossible`, there is no place for backups or it cannot be read; or a host's reason.
        """
        if target.backups is None:
            detail = f"{target.name} has no `backups:`"
            raise RefusedError(problem(Reason.BACKUP_IMPOSSIBLE, stage="configuration", detail=detail))
        answer = await self._reader.read(
            target.hosts[0], script_with(_LIST, directory=target.backups.directory.rstrip("/")), _QUICK
        )
        if answer.exit_status != 0:
            detail = _complaint(answer.stderr) or f"{target.backups.directory} cannot be read"
            raise RefusedError(problem(Reason.BACKUP_IMPOSSIBLE, stage="directory", detail=detail))
        return backup_list_of(target, answer.stdout)

    async def verify_checksum(self, host: str, directory: str, backup: str) -> BackupLookup:
        """As `find`, and read the whole dump on the host to compare its checksum.

        Args:
            host: name of the host.
            directory: where its backups lie.
            backup: its ID.

        Raises:
            RefusedError: with a host's reason.
        """
        found = await self.find(host, directory, backup)
        if found.state is not BackupState.WHOLE or found.manifest is None:
            return found
        patience = _QUICK + found.manifest.bytes / _SLOWEST_DISK
        script = SHA256 + _CHECKSUM
        return await self._compare(host, directory, found.manifest, script, found.manifest.sha256, patience)

    async def present(self, host: str, directory: str, backup: str, sha256: str) -> bool:
        """Check whether the approved backup is still there with its size, without reading all of it.

        Args:
            host: name of the host.
            directory: where its backups lie.
            backup: its ID.
            sha256: which its manifest must name.

        Raises:
            RefusedError: with a host's reason.
        """
        found = await self.find(host, directory, backup)
        return found.state is BackupState.WHOLE and found.manifest is not None and found.manifest.sha256 == sha256

    async def _compare(
        self, host: str, directory: str, manifest: Manifest, script: str, expected: str, patience: float
    ) -> BackupLookup:
        answer = await self._reader.read(host, script_with(script, directory=directory, file=manifest.file), patience)
        if answer.exit_status == _Status.NO_DUMP:
            return BackupLookup(BackupState.DAMAGED, manifest, f"{manifest.file} is missing")
        if answer.exit_status != 0:
            return BackupLookup(BackupState.UNREADABLE, manifest, _complaint(answer.stderr))
        actual = answer.stdout.decode(errors="replace").strip()
        if actual != expected:
            return BackupLookup(BackupState.DAMAGED, manifest, describe_difference(manifest.file, actual, expected))
        return BackupLookup(BackupState.WHOLE, manifest)


def describe_difference(file: str, actual: str, expected: str) -> str:
    """Describe how a file differs from the one that was made.

    Args:
        file: its name.
        actual: its size in bytes, or its SHA-256.
        expected: the same as its manifest says.
    """
    if len(expected) == _SHA256_DIGITS:
        return f"{file} is not as it was made: its checksum is {actual[:8]}…, and was {expected[:8]}…"
    return f"{file} is not as it was made: it has {actual} bytes, and had {expected}"


def backup_list_of(target: Target, listed: bytes) -> BackupList:
    """Parse what the list of manifests printed. Pure.

    Args:
        target: whose backups are wanted; those of others in the same directory are left out.
        listed: what was printed.
    """
    kept: list[BackupInfo] = []
    unreadable: list[str] = []
    for record in listed.split(b"\x1e")[1:]:
        head, _, text = record.partition(b"\n")
        name, _, size = head.decode(errors="replace").partition("\t")
        try:
            manifest = parse_manifest(text)
            whole = size == str(manifest.bytes) and name == f"{manifest.backup}.json"
            backup = manifest.info()
        except ValueError:
            unreadable.append(name)
            continue
        if (manifest.app, manifest.environment) != (target.name.app, target.name.environment):
            continue
        if whole:
            kept.append(backup)
        else:
            unreadable.append(name)
    kept.sort(key=lambda backup: (backup.started, backup.backup), reverse=True)
    return BackupList(target.name.app, target.name.environment, tuple(kept), tuple(unreadable))


def _complaint(stderr: bytes) -> str:
    return " ".join(stderr.decode(errors="replace").split())[:300]
