"""The file of a migration, as an approval is bound to it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MigrationSource:
    """A file of a migration.

    Args:
        name: of the migration.
        path: relative to the application's folder, or absolute where it lies outside of it; empty where only code of
            the commit could have said it, and was not asked.
        sha256: of the file; empty where it could not be read.
    """

    name: str
    path: str
    sha256: str

    @property
    def is_known(self) -> bool:
        """Whether more than its name is known."""
        return bool(self.path)

    @property
    def origin(self) -> str:
        """Where it comes from, for people: the package, or the path."""
        folder, *rest = self.path.split("/")
        if folder == "vendor" and len(rest) > len(("vendor", "name")):
            return f"package {rest[0]}/{rest[1]}"
        return self.path

    def __str__(self) -> str:
        return f"{self.name} from {self.origin}" if self.is_known else self.name
