"""Reading the words of a command: targets, flags, and what was probably meant."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.errors import Reason, Refused, problem
from bot.domain.names import TargetName, nearest
from bot.domain.target import Operations, Target


@dataclass(frozen=True)
class Words:
    """What was typed, sorted.

    Args:
        plain: the words that are no flags, in order.
        flags: the flags, without their value.
    """

    plain: tuple[str, ...]
    flags: frozenset[str]


def sort_words(words: tuple[str, ...], usage: str, known: frozenset[str], most: int) -> Words:
    """Tell plain words from flags.

    Args:
        words: as typed.
        usage: of the command, for the answer.
        known: the flags that exist, such as `--dry-run`.
        most: how many plain words there may be.

    Raises:
        Refused: `bad_option`, a flag that does not exist; `usage`, too many words.
    """
    plain = tuple(word for word in words if not word.startswith("-"))
    flags = tuple(word for word in words if word.startswith("-"))
    for flag in flags:
        if flag not in known:
            near = nearest(flag, known)
            raise Refused(problem(Reason.BAD_OPTION, option=flag[:60], nearest=near or "", usage=usage))
    if len(plain) > most:
        raise Refused(problem(Reason.USAGE, usage=usage, extra=" ".join(plain[most:])[:200]))
    return Words(plain, frozenset(flags))


def find_target(plain: tuple[str, ...], channel: str, operations: Operations, usage: str) -> Target:
    """Find the target that the first two words name, in the channel where they were typed.

    Args:
        plain: the words; the first is the app, the second the environment.
        channel: Slack's ID of the channel.
        operations: what there is.
        usage: of the command, for the answer.

    Raises:
        Refused: `usage`, words are missing; `unknown_app`, `unknown_environment`, with the nearest name;
            `wrong_channel`.
    """
    here = tuple(sorted({name.app for name, target in operations.targets.items() if channel in target.channels}))
    if not plain:
        raise Refused(problem(Reason.USAGE, usage=usage, apps=", ".join(here)))
    app = plain[0]
    if app not in operations.apps():
        known = here or operations.apps()
        raise Refused(
            problem(Reason.UNKNOWN_APP, app=app[:60], nearest=nearest(app, known) or "", known=", ".join(known))
        )
    environments = operations.environments(app)
    if len(plain) < 2:
        raise Refused(problem(Reason.USAGE, usage=usage, app=app, environments=", ".join(environments)))
    environment = plain[1]
    if environment not in environments:
        raise Refused(
            problem(
                Reason.UNKNOWN_ENVIRONMENT,
                app=app,
                environment=environment[:60],
                nearest=nearest(environment, environments) or "",
                known=", ".join(environments),
            )
        )
    target = operations.targets[TargetName(app, environment)]
    if channel not in target.channels:
        raise Refused(problem(Reason.WRONG_CHANNEL, app=app, channels=",".join(target.channels)))
    return target
