"""Lists of people, and who counts as a member at the moment of a decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

CONSOLE = "console"
"""Prefix, before a colon and an account name, of a requester at the bot's own machine instead of in Slack."""


@dataclass(frozen=True)
class People:
    """The people of a list such as `[releasers, dbas]` or `[anyone]`.

    Args:
        names: of the lists in the operations file, for messages.
        users: Slack's IDs of users (`U…`, `W…`).
        groups: Slack's IDs of user groups (`S…`); members are looked up at the time of a decision.
        anyone: whether every member of the workspace is included.
    """

    names: tuple[str, ...] = ()
    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    anyone: bool = False


NOBODY = People()
ANYONE = People(names=("anyone",), anyone=True)


def union_of(one: People, other: People) -> People:
    """Give the people of either of two lists."""
    names = tuple(dict.fromkeys((*one.names, *other.names)))
    return People(names, one.users | other.users, one.groups | other.groups, one.anyone or other.anyone)


class Membership(StrEnum):
    """Whether a user belongs to a list. A failed look-up never counts as yes."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Roster:
    """Memberships as looked up at the time of a decision.

    Args:
        members: of each group that could be looked up.
        humans: users known to be active full members of this workspace.
        others: users known to be bots, guests, deactivated, or of another workspace.
    """

    members: Mapping[str, frozenset[str]] = field(default_factory=dict)
    humans: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()


def membership(user: str, people: People, roster: Roster) -> Membership:
    """Decide whether a user belongs to a list of people.

    Args:
        user: Slack's ID.
        people: the list.
        roster: looked up just now.

    Returns:
        Yes only for a known active member who is named, or is in a group that was looked up, or if anyone is included.
    """
    if user in roster.others:
        return Membership.NO
    named = people.anyone or user in people.users
    grouped = any(user in roster.members.get(group, frozenset()) for group in people.groups)
    if named or grouped:
        return Membership.YES if user in roster.humans else Membership.UNKNOWN
    missing = people.groups - roster.members.keys()
    return Membership.UNKNOWN if missing else Membership.NO
