"""The names of the tables of a database, compared as its server compares them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TableNames:
    """The tables and views of a database.

    Args:
        names: of all that the account can see.
        folded: whether the server takes capitals for small letters in them.
    """

    names: frozenset[str]
    folded: bool = False

    def __contains__(self, name: str) -> bool:
        """Say whether the server finds a table under a name."""
        if not self.folded:
            return name in self.names
        return name.casefold() in {each.casefold() for each in self.names}
