"""Streaming encryption to an age key. The library works on blocking files, so it runs in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.secrets import Secret

_BLOCK = 256 * 1024
_BLOCKS = 4
"""Maximum number of blocks queued on each side of the thread."""


def encrypted(chunks: AsyncIterator[bytes], recipient: str) -> AsyncGenerator[bytes, None]:
    """Encrypt a stream.

    Args:
        chunks: in the clear.
        recipient: a public key, `age1…`.
    """

    def work(source: _Source, sink: _Sink) -> None:
        # imported late: only users of encryption need it
        import pyrage

        pyrage.encrypt_io(source, sink, [pyrage.x25519.Recipient.from_str(recipient)])

    return _through(chunks, work)


def decrypted(chunks: AsyncIterator[bytes], identity: Secret) -> AsyncGenerator[bytes, None]:
    """Decrypt a stream.

    Args:
        chunks: encrypted.
        identity: a private key, `AGE-SECRET-KEY-1…`.

    Raises:
        RefusedError: `backup_store_failed`, they are encrypted to another key, or are not what was encrypted.
    """

    def work(source: _Source, sink: _Sink) -> None:
        import pyrage

        try:
            pyrage.decrypt_io(source, sink, [pyrage.x25519.Identity.from_str(identity.reveal())])
        except pyrage.DecryptError as error:
            detail = f"the file cannot be decrypted with `identity`: {error}"
            raise RefusedError(problem(Reason.BACKUP_STORE_FAILED, detail=detail)) from error
        except OSError as error:
            detail = f"the encrypted file is damaged: {error}"
            raise RefusedError(problem(Reason.BACKUP_STORE_FAILED, detail=detail)) from error

    return _through(chunks, work)


class _StoppedError(Exception):
    """The consumer has gone."""


class _Source:
    """What the library reads from: blocks that come from the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, blocks: asyncio.Queue[bytes], stop: threading.Event) -> None:
        self._loop = loop
        self._blocks = blocks
        self._stop = stop
        self._rest = memoryview(b"")
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        """Read at most so many bytes; nothing at the end."""
        if not self._rest and not self._ended:
            if self._stop.is_set():
                raise _StoppedError
            self._rest = memoryview(asyncio.run_coroutine_threadsafe(self._blocks.get(), self._loop).result())
            self._ended = not self._rest
            if self._ended and self._stop.is_set():
                raise _StoppedError
        size = len(self._rest) if size < 0 else size
        taken, self._rest = self._rest[:size], self._rest[size:]
        return bytes(taken)


class _Sink:
    """What the library writes to: gathered into blocks, which go to the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, blocks: asyncio.Queue[bytes], stop: threading.Event) -> None:
        self._loop = loop
        self._blocks = blocks
        self._stop = stop
        self._gathered = bytearray()

    def write(self, data: bytes) -> int:
        """Take bytes."""
        self._gathered += data
        if len(self._gathered) >= _BLOCK:
            self.flush()
        return len(data)

    def flush(self) -> None:
        """Pass on what was gathered."""
        if self._stop.is_set():
            raise _StoppedError
        if self._gathered:
            block, self._gathered = bytes(self._gathered), bytearray()
            asyncio.run_coroutine_threadsafe(self._blocks.put(block), self._loop).result()


async def _through(chunks: AsyncIterator[bytes], work: Callable[[_Source, _Sink], None]) -> AsyncGenerator[bytes, None]:
    loop = asyncio.get_running_loop()
    stop = threading.Event()
    coming: asyncio.Queue[bytes] = asyncio.Queue(_BLOCKS)
    going: asyncio.Queue[bytes] = asyncio.Queue(_BLOCKS)
    source, sink = _Source(loop, coming, stop), _Sink(loop, going, stop)

    def run() -> None:
        work(source, sink)
        sink.flush()

    working = asyncio.create_task(asyncio.to_thread(run))
    feeding = asyncio.create_task(_feed(chunks, coming))
    try:
        while (block := await _next(going, working, feeding)) is not None:
            yield block
        await working
    finally:
        stop.set()
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()
        while not working.done():
            # Unblock a thread that waits to read or to write.
            for queue in (coming, going):
                while not queue.empty():
                    queue.get_nowait()
            coming.put_nowait(b"")
            await asyncio.wait({working}, timeout=0.01)
        with contextlib.suppress(BaseException):
            working.result()


async def _feed(chunks: AsyncIterator[bytes], coming: asyncio.Queue[bytes]) -> None:
    async for chunk in chunks:
        if chunk:
            await coming.put(chunk)
    await coming.put(b"")


async def _next(going: asyncio.Queue[bytes], working: asyncio.Task[None], feeding: asyncio.Task[None]) -> bytes | None:
    """Return the next block, None after the last one; errors of the input are raised unchanged."""
    taking = asyncio.create_task(going.get())
    try:
        while not taking.done():
            waiting: set[asyncio.Task[bytes] | asyncio.Task[None]] = {taking, working}
            if not feeding.done():
                waiting.add(feeding)
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if feeding.done():
                feeding.result()
            if working.done() and not taking.done():
                if going.empty():
                    working.result()
                    return None
                await asyncio.sleep(0)  # the last block is being taken
        return taking.result()
    finally:
        taking.cancel()
