"""Counting and hashing bytes while they go by."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator


class ByteCounter:
    """How many bytes went by, and their checksum."""

    def __init__(self) -> None:
        self.bytes = 0
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of what went by so far; 64 hexadecimal digits."""
        return self._digest.hexdigest()

    async def count(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """Let chunks go by.

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
