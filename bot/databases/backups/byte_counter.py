"""Count and hash bytes that pass through."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator


class ByteCounter:
    """The number of bytes that passed through, and their checksum."""

    def __init__(self) -> None:
        self.bytes = 0
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Checksum of the bytes so far; 64 hexadecimal digits."""
        return self._digest.hexdigest()

    async def count(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """Pass chunks on.

        Args:
            chunks: closed with this.
        """
        try:
            async for chunk in chunks:
                self.bytes += len(chunk)
                self._digest.update(chunk)
                yield chunk
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()
