"""Exceptions that a person asks for: a change during a freeze, and one that nobody has countersigned yet."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.request import DURING_FREEZE, EMERGENCY

FLAGS = frozenset({"--during-freeze", "--emergency"})
"""Each takes a reason: the words behind it, up to the next flag, or the ones in quotes."""

USAGE = "[--during-freeze REASON | --emergency REASON]"

_OPTIONS = {"--during-freeze": DURING_FREEZE, "--emergency": EMERGENCY}
_LONGEST = 200


def exceptions(flags: Mapping[str, str], usage: str) -> dict[str, str]:
    """Give the option of the exception that was asked for; none where none was.

    Args:
        flags: as `commands.words.sort_words` gives them.
        usage: of the command, for the answer.

    Raises:
        RefusedError: `usage`, both at once, or a reason that is too long.
    """
    asked = sorted(FLAGS & flags.keys())
    if len(asked) > 1:
        raise RefusedError(problem(Reason.USAGE, usage=usage, extra=" together with ".join(asked)))
    for flag in asked:
        if len(flags[flag]) > _LONGEST:
            shorter = f"{usage}, with a reason of at most {_LONGEST} characters"
            raise RefusedError(problem(Reason.USAGE, usage=shorter, extra=flags[flag][_LONGEST:][:60]))
    return {_OPTIONS[flag]: flags[flag] for flag in asked}
