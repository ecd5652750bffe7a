"""The flags for exceptions from the policy: a change during a freeze, and one before approval."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.runs.request import NO_EXCEPTIONS, PolicyExceptions

_DURING_FREEZE = "--during-freeze"
EMERGENCY = "--emergency"

FLAGS = frozenset({_DURING_FREEZE, EMERGENCY})
"""Each takes a reason: the following words up to the next flag, or those in quotes."""

USAGE = "[--during-freeze REASON | --emergency REASON]"

_LONGEST = 200


def read_exceptions(flags: Mapping[str, str], usage: str) -> PolicyExceptions:
    """Read the exception that was asked for.

    Args:
        flags: as `commands.words.sort_words` gives them.
        usage: of the command, for messages.

    Raises:
        RefusedError: `usage`, both at once, or a reason that is too long.
    """
    asked = sorted(FLAGS & flags.keys())
    if len(asked) > 1:
        raise RefusedError(problem(Reason.USAGE, usage=usage, extra=" ".join(asked)))
    for flag in asked:
        if len(flags[flag]) > _LONGEST:
            surplus = flags[flag][_LONGEST:][:60]
            raise RefusedError(problem(Reason.USAGE, usage=usage, longest=str(_LONGEST), extra=surplus))
    return PolicyExceptions(flags.get(_DURING_FREEZE), flags.get(EMERGENCY)) if asked else NO_EXCEPTIONS
