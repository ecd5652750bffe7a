"""A host's directory of backups, read by the bot when it alone has the key to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager

from bot.databases.ports import HostPipes, HostReader
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.shell import script_with

_QUICK = 30.0

_SIZES = r"""
cd -- "$directory" || exit 1
for file in *; do [ ! -f "$file" ] || printf '%s\t%s\n' "$(wc -c <"$file" | tr -d ' ')" "$file"; done
"""

_GET = """
[ -e "$path" ] || exit 44
cat -- "$path"
"""
_NONE = 44


class HostStorage:
    """Reads backups on a host, and writes their manifests (`bot.databases.ports.BackupReader`).

    Dumps are made there by the host itself, so nothing else is written or removed.

    Args:
        reader: runs commands that only read.
        pipes: reads long files.
        host: name of the host.
        directory: where its backups lie; absolute.
    """

    def __init__(self, reader: HostReader, pipes: HostPipes, host: str, directory: str) -> None:
        self._reader = reader
        self._pipes = pipes
        self._host = host
        self._directory = directory.rstrip("/")

    @property
    def place(self) -> str:
        """The host and the directory."""
        return f"{self._host}:{self._directory}"

    def read(self, file: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Read a file from its beginning to its end."""
        return self._pipes.file(self._host, f"{self._directory}/{file}")

    async def put(self, file: str, content: bytes) -> None:
        """Write a small file atomically."""
        await self._pipes.replace_file(self._host, f"{self._directory}/{file}", content)

    async def get(self, file: str) -> bytes | None:
        """Read a small file; None where there is none."""
        answer = await self._reader.read(self._host, script_with(_GET, path=f"{self._directory}/{file}"), _QUICK)
        if answer.exit_status == _NONE:
            return None
        if answer.exit_status != 0:
            raise self._refused(answer.stderr)
        return answer.stdout

    async def sizes(self) -> Mapping[str, int]:
        """List the files."""
        answer = await self._reader.read(self._host, script_with(_SIZES, directory=self._directory), _QUICK)
        if answer.exit_status != 0:
            raise self._refused(answer.stderr)
        lines = (line.partition("\t") for line in answer.stdout.decode(errors="surrogateescape").splitlines())
        return {name: int(size) for size, tab, name in lines if tab}

    def _refused(self, stderr: bytes) -> RefusedError:
        detail = " ".join(stderr.decode(errors="replace").split())[:300] or f"{self.place} cannot be read"
        return RefusedError(problem(Reason.BACKUP_STORE_FAILED, detail=detail))
