"""What is told when the store cannot be used."""

from __future__ import annotations

from bot.domain.errors import OutageError


class StoreError(Exception):
    """The store cannot be used; what was asked of it was not done unless the sentence says otherwise.

    Args:
        what: is wrong.
        where: the store, without its password.
        right: what would be right.
    """

    def __init__(self, what: str, where: str, right: str) -> None:
        super().__init__(f"{what} ({where}): {right}")
        self.what = what
        self.where = where
        self.right = right


class StoreLockedError(StoreError):
    """Another process has the store."""


class StoreSilentError(StoreError, OutageError):
    """The store did not answer, however often it was asked."""


class StoreMissingError(StoreError):
    """There is no store yet."""
