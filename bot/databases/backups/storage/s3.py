"""Backup storage in an S3-compatible bucket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.targets.target import Bucket

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3Store

T = TypeVar("T")

PART = 6 * 1024 * 1024
"""Bytes of a part of an upload. S3 takes 10,000 parts, so a file can have 58 GiB."""

_AT_A_TIME = 1
"""Parts in flight at a time, which bounds the memory of an upload."""

_READ = 2 * 1024 * 1024
"""Bytes of one request, so that no single response has to last as long as a large file."""

_WAITING = 4
"""Maximum number of chunks queued for an upload."""


class S3Storage:
    """Stores files under one prefix of a bucket (`bot.databases.ports.BackupStorage`).

    What is begun is an upload in parts. Nothing can be seen of it before it is completed, which happens when it is
    kept; one that is not is aborted.

    Args:
        bucket: where, and who asks.
        folder: what the keys begin with, behind the bucket's own prefix.
    """

    def __init__(self, bucket: Bucket, folder: str) -> None:
        self._bucket = bucket
        self._prefix = "/".join(part.strip("/") for part in (bucket.prefix, folder) if part.strip("/"))
        self._opened: S3Store | None = None

    @property
    def place(self) -> str:
        """The bucket and the prefix."""
        return f"s3://{self._bucket.name}/{self._prefix}"

    async def free_bytes(self) -> int | None:
        """Return None: a bucket has no limit that can be read."""
        return None

    @contextlib.asynccontextmanager
    async def begin_upload(self, file: str) -> AsyncIterator[_Upload]:
        """Begin a multipart upload."""
        upload = _Upload(self._store, file)
        try:
            yield upload
        finally:
            await upload.close()

    @contextlib.asynccontextmanager
    async def read(self, file: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Read a file from its beginning to its end."""
        yield self._ranges(file)

    async def put(self, file: str, content: bytes) -> None:
        """Write a small file; a bucket replaces it atomically."""
        import obstore

        await _asked(obstore.put_async(self._store, file, content, use_multipart=False))

    async def get(self, file: str) -> bytes | None:
        """Read a small file; None where there is none."""
        import obstore

        try:
            result = await obstore.get_async(self._store, file)
            return bytes(await result.bytes_async())
        except FileNotFoundError as error:
            # A missing bucket is an error, not an empty one.
            if "NoSuchBucket" in str(error):
                raise _refused(error) from error
            return None
        except Exception as error:
            raise _refused(error) from error

    async def sizes(self) -> Mapping[str, int]:
        """List the files."""
        import obstore

        found: dict[str, int] = {}
        try:
            async for batch in obstore.list(self._store):
                found |= {str(meta["path"]): int(meta["size"]) for meta in batch}
        except Exception as error:
            raise _refused(error) from error
        return found

    async def remove(self, files: tuple[str, ...]) -> None:
        """Remove files."""
        import obstore

        for file in files:
            with contextlib.suppress(FileNotFoundError):
                await _asked(obstore.delete_async(self._store, file))

    async def _ranges(self, file: str) -> AsyncIterator[bytes]:
        import obstore

        meta = await _asked(obstore.head_async(self._store, file))
        size = int(meta["size"])
        for start in range(0, size, _READ):
            end = min(start + _READ, size)
            yield bytes(await _asked(obstore.get_range_async(self._store, file, start=start, end=end)))

    @property
    def _store(self) -> S3Store:
        if self._opened is None:
            self._opened = _open(self._bucket, self._prefix)
        return self._opened


class _Upload:
    """An upload, made by a task that takes chunks from a queue."""

    def __init__(self, store: S3Store, file: str) -> None:
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING)
        self._kept = False
        self._task = asyncio.create_task(self._run(store, file))

    async def write(self, chunk: bytes) -> None:
        """Add to it."""
        if chunk:
            await self._hand_over(chunk)

    async def commit(self) -> None:
        """Complete it."""
        self._kept = True
        await self._hand_over(None)
        await asyncio.shield(self._task)

    async def close(self) -> None:
        """Abort it, unless it was committed."""
        if not self._task.done():
            while not self._chunks.empty():
                self._chunks.get_nowait()
            self._chunks.put_nowait(None)
            # The library aborts an upload when its source raises; cancelling it would leave parts.
            await asyncio.wait({self._task}, timeout=60)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _hand_over(self, chunk: bytes | None) -> None:
        putting = asyncio.create_task(self._chunks.put(chunk))
        try:
            await asyncio.wait({putting, self._task}, return_when=asyncio.FIRST_COMPLETED)
            if not putting.done():
                self._task.result()
                raise _refused(RuntimeError("the upload ended early"))
        finally:
            putting.cancel()

    async def _run(self, store: S3Store, file: str) -> None:
        import obstore

        await _asked(
            obstore.put_async(
                store, file, self._taken(), use_multipart=True, chunk_size=PART, max_concurrency=_AT_A_TIME
            )
        )

    async def _taken(self) -> AsyncIterator[bytes]:
        while (chunk := await self._chunks.get()) is not None:
            yield chunk
        if not self._kept:
            raise _NotKeptError


class _NotKeptError(Exception):
    """Makes the library abort an upload that was not committed."""


def _open(bucket: Bucket, prefix: str) -> S3Store:
    # Imported late: it takes a few MiB that only users of a bucket need.
    from obstore.store import S3Store

    plain = bucket.endpoint is not None and bucket.endpoint.startswith("http://")
    client: ClientConfig = {
        "timeout": timedelta(seconds=120),
        "connect_timeout": timedelta(seconds=10),
        "allow_http": plain,
    }
    config: S3Config = {
        "region": bucket.region,
        "access_key_id": bucket.access_key.reveal(),
        "secret_access_key": bucket.secret_key.reveal(),
    }
    if bucket.endpoint is not None:
        config["endpoint"] = bucket.endpoint
    retries: RetryConfig = {"max_retries": 4, "retry_timeout": timedelta(seconds=60)}
    try:
        return S3Store(bucket.name, prefix=prefix or None, config=config, client_options=client, retry_config=retries)
    except Exception as error:
        raise _refused(error) from error


async def _asked(asking: Awaitable[T]) -> T:
    try:
        return await asking
    except FileNotFoundError as error:
        raise _refused(error) from error
    except Exception as error:
        raise _refused(error) from error


def _refused(error: Exception) -> RefusedError:
    """Translate an error of the library, without its debugging details."""
    detail = " ".join(str(error).split("\n\nDebug source:", 1)[0].split()) or type(error).__name__
    return RefusedError(problem(Reason.BACKUP_STORE_FAILED, detail=detail[:400]))
