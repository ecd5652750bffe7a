"""What is told when the store cannot be used."""

from __future__ import annotations


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


class StoreLocked(StoreError):  # noqa: N818 - a state of the store, said as people say it
    """Another process has the store."""


class StoreMissing(StoreError):  # noqa: N818 - as above
    """There is no store yet."""
