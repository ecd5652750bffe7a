"""Lists of people, and who counts as a member at the moment of a decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

CONSOLE = "console"
"""Before a colon and the name of an account: who asks at the bot's own machine instead of in Slack."""


@dataclass(frozen=True)
class People:
    """Who is meant by a list such as `[releasers, dbas]` or `[anyone]`.

    Args:
        names: the names of the lists in the operations file, for sentences.
        users: Slack's IDs of users (`U…`, `W…`).
        groups: Slack's IDs of user groups (`S…`); their members are looked up at the decision.
        anyone: every person of the workspace is meant.
    """

    names: tuple[str, ...] = ()
    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    anyone: bool = False


NOBODY = People()
ANYONE = People(names=("anyone",), anyone=True)


def union_of(one: People, other: People) -> People:
    """Give who is meant by either of two lists."""
    names = tuple(dict.fromkeys((*one.names, *other.names)))
    return People(names, one.users | other.users, one.groups | other.groups, one.anyone or other.anyone)


class Membership(StrEnum):
    """Whether somebody belongs to a list. A failed look-up never counts as a yes."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Roster:
    """What a look-up at the moment of a decision gave.

    Args:
        members: the users of each group that could be looked up.
        humans: users that are known to be active, full members of this workspace.
        others: users that are known to be bots, guests, deactivated or of another workspace.
    """

    members: Mapping[str, frozenset[str]] = field(default_factory=dict)
    humans: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()


def membership(user: str, people: People, roster: Roster) -> Membership:
    """Judge whether a user belongs to a list of people.

    Args:
        user: Slack's ID of the user.
        people: the list.
        roster: what was looked up just now.

    Returns:
        Yes only for a known, active person who is named, is in a group that was looked up, or where anyone is meant.
    """
    if user in roster.others:
        return Membership.NO
    named = people.anyone or user in people.users
    grouped = any(user in roster.members.get(group, frozenset()) for group in people.groups)
    if named or grouped:
        return Membership.YES if user in roster.humans else Membership.UNKNOWN
    missing = people.groups - roster.members.keys()
    return Membership.UNKNOWN if missing else Membership.NO
