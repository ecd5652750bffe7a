"""Whom a request to approve calls at once, and which lists are too long for that."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.names import TargetName
from bot.domain.targets.target import Target

MAX_CALLED = 5
"""How many users and user groups a request to approve mentions; the others are called by its reminders."""


def long_lists(targets: Mapping[TargetName, Target]) -> dict[tuple[str, str], int]:
    """Give what asks more people for approval than a request calls at once, by policy and command, with their number.

    A user group is one mention, however many are in it.
    """
    found = {}
    for target in targets.values():
        for command, requirement in target.policy.approve.items():
            people = requirement.people
            number = len(people.users) + len(people.groups)
            if number > MAX_CALLED:
                found[target.policy.name, str(command)] = number
    return found
