"""Reading the fields of SSH's binary formats (RFC 4251). Nothing is decided by it but what a message says."""

from __future__ import annotations


class WireError(ValueError):
    """Bytes are cut short."""


class WireReader:
    """Reads length-prefixed fields one after the other.

    Args:
        data: the bytes.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def take(self, length: int) -> bytes:
        """Read a number of bytes.

        Raises:
            WireError: there are fewer.
        """
        found = self._data[self._place : self._place + length]
        if len(found) != length:
            raise WireError("cut short")
        self._place += length
        return found

    def number(self) -> int:
        """Read an unsigned number of four bytes."""
        return int.from_bytes(self.take(4), "big")

    def field(self) -> bytes:
        """Read a field after its length."""
        return self.take(self.number())

    @property
    def at_end(self) -> bool:
        """Whether everything was read."""
        return self._place == len(self._data)
