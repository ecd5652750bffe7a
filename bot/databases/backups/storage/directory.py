"""Backup storage in a directory of the bot."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar

from bot.domain.errors import Reason, RefusedError, problem

Given = ParamSpec("Given")
Result = TypeVar("Result")

_BLOCK = 1024 * 1024
_PART = ".part"
_RESERVE = 64 * 1024 * 1024
"""Bytes that stay free on the bot's disk."""

_LOOK_EVERY = 8 * 1024 * 1024
"""Bytes after which the free space is read again."""


class DirectoryStorage:
    """Stores backups in one directory. The name of an unfinished file ends in `.part`.

    Args:
        folder: made where it is missing, its owner's alone.
        reserve: bytes that must stay free on its disk.
    """

    def __init__(self, folder: Path, reserve: int = _RESERVE) -> None:
        self._folder = folder
        self._reserve = reserve

    @property
    def place(self) -> str:
        """The directory's path."""
        return str(self._folder)

    async def free_bytes(self) -> int | None:
        """Return how many bytes fit beside the reserve."""

        def room() -> int:
            place = next((path for path in (self._folder, *self._folder.parents) if path.exists()), self._folder)
            return max(_free(place) - self._reserve - _LOOK_EVERY, 0)

        return await _in_thread(room)

    @contextlib.asynccontextmanager
    async def begin_upload(self, file: str) -> AsyncIterator[_FileDraft]:
        """Begin a file, and discard an unfinished one of the same name."""
        part = self._folder / f"{file}{_PART}"
        begin_upload = _FileDraft(await _in_thread(self._begin, part), part, self._folder / file, self._reserve)
        try:
            yield begin_upload
        finally:
            await asyncio.shield(asyncio.to_thread(begin_upload.close))

    @contextlib.asynccontextmanager
    async def read(self, file: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Read a file from its beginning to its end."""
        opened = await _in_thread(self._open, self._folder / file)
        try:
            yield _blocks(opened)
        finally:
            opened.close()

    async def put(self, file: str, content: bytes) -> None:
        """Write a small file atomically. It may use the reserve."""
        async with DirectoryStorage(self._folder, -_LOOK_EVERY).begin_upload(file) as begin_upload:
            await begin_upload.write(content)
            await begin_upload.commit()

    async def get(self, file: str) -> bytes | None:
        """Read a small file; None where there is none."""

        def read() -> bytes | None:
            try:
                return (self._folder / file).read_bytes()
            except FileNotFoundError:
                return None

        return await _in_thread(read)

    async def sizes(self) -> Mapping[str, int]:
        """List the finished files."""

        def sizes() -> dict[str, int]:
            try:
                entries = list(os.scandir(self._folder))
            except FileNotFoundError:
                return {}
            return {entry.name: entry.stat().st_size for entry in entries if not entry.name.endswith(_PART)}

        return await _in_thread(sizes)

    async def remove(self, files: tuple[str, ...]) -> None:
        """Remove files, unfinished ones included."""

        def remove() -> None:
            for file in files:
                (self._folder / file).unlink(missing_ok=True)
                (self._folder / f"{file}{_PART}").unlink(missing_ok=True)

        await _in_thread(remove)

    def _begin(self, part: Path) -> BinaryIO:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        return os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0)

    @staticmethod
    def _open(path: Path) -> BinaryIO:
        return path.open("rb", buffering=0)


class _FileDraft:
    """An unfinished file."""

    def __init__(self, opened: BinaryIO, part: Path, final: Path, reserve: int) -> None:
        self._opened = opened
        self._part = part
        self._final = final
        self._reserve = reserve
        self._unlooked = _LOOK_EVERY
        # A cancelled wait does not end the write.
        self._one = threading.Lock()

    async def write(self, chunk: bytes) -> None:
        """Append to it, unless that would use up the reserve."""
        await _in_thread(self._write, chunk)

    async def commit(self) -> None:
        """Flush it to the disk, and give it its name."""
        await _in_thread(self._keep)

    def close(self) -> None:
        """Close it, and remove it unless it was committed."""
        with self._one:
            self._opened.close()
            self._part.unlink(missing_ok=True)

    def _write(self, chunk: bytes) -> None:
        with self._one:
            self._write_alone(chunk)

    def _write_alone(self, chunk: bytes) -> None:
        if self._opened.closed:
            return
        self._unlooked += len(chunk)
        if self._unlooked >= _LOOK_EVERY:
            self._unlooked = 0
            free = _free(self._part.parent)
            if free < self._reserve + _LOOK_EVERY:
                raise OSError(f"{self._part.parent} has {free // 1024} KiB free, and it is not filled to the last")
            # Flushed as it goes, so that the end need not wait for all of it.
            os.fdatasync(self._opened.fileno())
        rest = memoryview(chunk)
        while rest:
            rest = rest[self._opened.write(rest) :]

    def _keep(self) -> None:
        os.fsync(self._opened.fileno())
        self._part.replace(self._final)
        folder = os.open(self._final.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _free(place: Path) -> int:
    disk = os.statvfs(place)
    return disk.f_bavail * disk.f_frsize


async def _blocks(opened: BinaryIO) -> AsyncIterator[bytes]:
    while block := await _in_thread(opened.read, _BLOCK):
        yield block


async def _in_thread(work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
    try:
        return await asyncio.to_thread(work, *given, **named)
    except OSError as error:
        raise RefusedError(problem(Reason.BACKUP_STORE_FAILED, detail=str(error))) from error
