"""What of a command's usage is shown to somebody: the ways of it that they may go."""

from __future__ import annotations

import re
from collections.abc import Callable

_EXCEPTIONS = re.compile(r"\s*\[(--(?:during-freeze|emergency) [^\]]*)\]")


def usage_for(usage: str, may_go: Callable[[str], bool]) -> str:
    """Leave out of a usage the alternatives and the exceptions that somebody may not ask for.

    Args:
        usage: alternatives with ` | ` between them; exceptions are flags with a reason, in one pair of brackets.
        may_go: whether a way is theirs, by its first word: `restore`, `--emergency`.
    """
    exceptions = _EXCEPTIONS.search(usage)
    flags = [flag for flag in (exceptions[1].split(" | ") if exceptions else []) if may_go(flag.split()[0])]
    ways = [way for way in _alternatives(_EXCEPTIONS.sub("", usage)) if may_go(way.split()[0])]
    return " | ".join(ways) + (f" [{' | '.join(flags)}]" if flags else "")


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
