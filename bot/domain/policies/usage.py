"""The part of a command's usage that a person may use."""

from __future__ import annotations

import re
from collections.abc import Callable

_EXCEPTIONS = re.compile(r"\s*\[--(?:during-freeze|emergency) [^\]]*\]")

HELP = frozenset({"help", "--help", "-h", "?"})
"""What asks for help, as the first word behind a command."""


def usages_for(usage: str, may_go: Callable[[str], bool]) -> tuple[str, ...]:
    """Split a usage into its alternatives, without those that a person may not use.

    Args:
        usage: alternatives separated by ` | `; exceptions are flags with a reason, in one pair of brackets.
        may_go: whether the person may use an alternative, by its first word, such as `restore`.

    Returns:
        The permitted alternatives, without the exceptions.
    """
    return tuple(way for way in _alternatives(_EXCEPTIONS.sub("", usage)) if may_go(way.split()[0]))


def _alternatives(usage: str) -> list[str]:
    """Split a usage at the bars outside of brackets."""
    found, depth = [""], 0
    for character in usage:
        depth += (character == "[") - (character == "]")
        if character == "|" and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return [way.strip() for way in found]
