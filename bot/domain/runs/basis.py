"""The basis of a plan: the facts it stands on, which are read again before the first change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.targets.host_identity import HostIdentity
from bot.domain.targets.target import Target

_CHECKED_OUT = "checked out on "

CHECK_FACT = "CI check "
"""How the name of the fact begins that says what a check of the forge says; the check's own name follows."""

PLAN_FORMAT = "3"
"""Rises when a plan begins to promise more: an approval of an older plan does not count for it."""

_FORMAT = "plan format"


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


def plan_format() -> Basis:
    """Give the fact in which format this version of the bot writes plans."""
    return Basis({_FORMAT: PLAN_FORMAT})


def require_this_version(basis: Basis) -> None:
    """Make sure that a plan was made by a version of the bot that promises what this one promises.

    Args:
        basis: of the plan.

    Raises:
        RefusedError: `older_version`, another version of the bot made it.
    """
    if basis.facts.get(_FORMAT) != PLAN_FORMAT:
        raise RefusedError(problem(Reason.OLDER_VERSION))


def identity_basis(target: Target, identities: Iterable[HostIdentity], recipe_sha256: str) -> Basis:
    """Give what a plan stands on before anything that a command reads: which hosts, paths and database it is for.

    Args:
        target: as it is configured.
        identities: of its hosts.
        recipe_sha256: of the recipe's text.
    """
    facts = {"recipe": recipe_sha256, "path": target.path, **plan_format().facts}
    if target.database is not None:
        database = target.database
        facts["database"] = f"{database.user}@{database.host}:{database.port}/{database.name}"
        facts["database reached via"] = database.via or "directly"
    for identity in identities:
        facts[f"address of {identity.host}"] = f"{identity.user}@{identity.address}:{identity.port}"
        facts[f"host key of {identity.host}"] = identity.key
        facts[f".env on {identity.host}"] = identity.env_sha256 or "not there"
    return Basis(facts)
