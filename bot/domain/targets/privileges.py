"""What an account of a database server may not do and would have to, by what the bot is asked to do with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Capability(StrEnum):
    """What the operations file asks of an account."""

    LOOK = "look"
    """Reading the database, for plans."""
    BACKUP = "backup"
    """Dumping all that is in it."""
    RESTORE = "restore"
    """Putting a backup into its place, beside which copies are made."""
    REHEARSE = "rehearsal"
    """Making a copy at a scratch server, for code that sees nothing else there."""


@dataclass(frozen=True)
class MissingPrivilege:
    """A privilege that the account has not, or that the server does not let anybody see it has.

    Args:
        capability: that needs it.
        privilege: by the server's name, such as `TRIGGER`.
        on: as SQL writes it, such as `*.*`.
        why: what it is needed for; empty where that is plain.
        kinds: the kinds of objects whose restore alone needs it, such as `trigger`; empty where every one does.
        instead: what would do too; empty where nothing would.
    """

    capability: Capability
    privilege: str
    on: str
    why: str = ""
    kinds: frozenset[str] = frozenset()
    instead: str = ""

    def concerns(self, objects: Iterable[str] | None) -> bool:
        """Whether a backup with some objects needs it.

        Args:
            objects: kind and name of each, such as `trigger grow`; None where they are not known.
        """
        return not self.kinds or objects is None or any(named.partition(" ")[0] in self.kinds for named in objects)

    def __str__(self) -> str:
        """Write it for people."""
        why = f", {self.why}" if self.why else ""
        instead = f" (or {self.instead})" if self.instead else ""
        return f"{self.privilege} ON {self.on}{instead}{why}"
