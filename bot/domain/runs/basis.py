"""The basis of a plan: the facts it stands on, which are read again before the first change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

_CHECKED_OUT = "checked out on "


class Difference(NamedTuple):
    """A fact that is no longer what it was.

    Args:
        name: of the fact.
        approved: its value in the approved plan; empty where the plan does not have it.
        now: its value now; empty where it is not there.
    """

    name: str
    approved: str
    now: str


@dataclass(frozen=True)
class Basis:
    """Facts by name. The names are shown to people; which there are depends on the command.

    Args:
        facts: the value of each, as text.
    """

    facts: Mapping[str, str] = field(default_factory=dict)

    def __or__(self, other: Basis) -> Basis:
        return Basis({**self.facts, **other.facts})

    @property
    def checked_out(self) -> Mapping[str, str]:
        """The commit that is checked out on each host, by the host's name."""
        return {
            name.removeprefix(_CHECKED_OUT): commit
            for name, commit in self.facts.items()
            if name.startswith(_CHECKED_OUT)
        }

    def differences(self, now: Basis) -> tuple[Difference, ...]:
        """Compare the basis of an approved plan with the same facts, read again.

        Args:
            now: as they are now.

        Returns:
            One for each fact that changed, sorted by name.
        """
        pairs = (
            Difference(name, self.facts.get(name, ""), now.facts.get(name, ""))
            for name in sorted(self.facts.keys() | now.facts.keys())
        )
        return tuple(each for each in pairs if each.approved != each.now)


def checked_out(host: str, commit: str) -> Basis:
    """Give the fact that a commit is checked out on a host."""
    return Basis({f"{_CHECKED_OUT}{host}": commit})
