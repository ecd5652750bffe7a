"""What of a command's usage is shown to somebody: the ways of it that they may go."""

from __future__ import annotations

import re
from collections.abc import Callable

_EXCEPTIONS = re.compile(r"\s*\[--(?:during-freeze|emergency) [^\]]*\]")


def usages_for(usage: str, may_go: Callable[[str], bool]) -> tuple[str, ...]:
    """Take a usage apart, and leave out what somebody may not ask for.

    Args:
        usage: alternatives with ` | ` between them; exceptions are flags with a reason, in one pair of brackets.
        may_go: whether a way is theirs, by its first word: `restore`.

    Returns:
        The alternatives that are theirs, without the exceptions.
    """
    return tuple(way for way in _alternatives(_EXCEPTIONS.sub("", usage)) if may_go(way.split()[0]))


def _alternatives(usage: str) -> list[str]:
    """Take a usage apart at the bars that stand in no brackets."""
    found, depth = [""], 0
    for character in usage:
        depth += (character == "[") - (character == "]")
        if character == "|" and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return [way.strip() for way in found]
