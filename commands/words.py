"""Parsing the words of a command: targets and flags, with suggestions for typing errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import TargetName, nearest
from bot.domain.targets.target import Operations, Target

TARGET_WORDS = 2
_MISTYPED = 0.7

"""The app and the environment."""


@dataclass(frozen=True)
class Words:
    """Parsed words.

    Args:
        plain: the words that are not flags, in order.
        flags: the value of each flag; empty for one that takes none.
    """

    plain: tuple[str, ...]
    flags: Mapping[str, str]


def sort_words(
    words: tuple[str, ...],
    usage: str,
    known: frozenset[str],
    most: int,
    valued: frozenset[str] = frozenset(),
    with_text: frozenset[str] = frozenset(),
) -> Words:
    """Separate plain words from flags.

    Args:
        words: as typed.
        usage: of the command, for messages.
        known: flags without a value, such as `--dry-run`.
        most: maximum number of plain words.
        valued: flags that take a value, as `--to X` or `--to=X`.
        with_text: flags that take a text: the following words in quotes, or all up to the next flag.

    Raises:
        RefusedError: `bad_option`, a flag does not exist or lacks its value; `usage`, too many words.
    """
    plain: list[str] = []
    flags: dict[str, str] = {}
    left = list(words)
    while left:
        word = left.pop(0)
        if not word.startswith("-"):
            plain.append(word)
            continue
        flag, equals, value = word.partition("=")
        if flag in valued:
            flags[flag] = value if equals else (left.pop(0) if left else "")
            if not flags[flag] or flags[flag].startswith("-"):
                raise RefusedError(problem(Reason.BAD_OPTION, option=flag, nearest="", usage=usage, lacks="a value"))
        elif flag in with_text:
            flags[flag] = _text([value, *_taken(left)] if equals else _taken(left))
            if not flags[flag]:
                raise RefusedError(problem(Reason.BAD_OPTION, option=flag, nearest="", usage=usage, lacks="a reason"))
        elif word in known:
            flags[word] = ""
        else:
            near = nearest(flag, known | valued | with_text)
            raise RefusedError(problem(Reason.BAD_OPTION, option=word[:60], nearest=near or "", usage=usage))
    if len(plain) > most:
        raise RefusedError(problem(Reason.USAGE, usage=usage, extra=" ".join(plain[most:])[:200]))
    return Words(tuple(plain), flags)


def _taken(left: list[str]) -> list[str]:
    """Remove the words of a text from those that remain."""
    if left and any(letter.isspace() for letter in left[0]):
        return [left.pop(0)]
    taken: list[str] = []
    while left and not left[0].startswith("--"):
        taken.append(left.pop(0))
    return taken


def _text(words: list[str]) -> str:
    return " ".join(" ".join(words).split())


def with_target(plain: tuple[str, ...], channel: str, operations: Operations, most: int) -> tuple[str, ...]:
    """Put the target of a channel that has only one before words that do not name it.

    Words that look like a mistyped app, or that would be too many behind a target, stay as they are.

    Args:
        plain: words without flags.
        channel: Slack's ID of the channel in which they were typed.
        operations: the operations file.
        most: how many words the command takes, with the target.
    """
    here = [name for name, target in operations.targets.items() if channel in target.channels]
    if len(here) != 1:
        return plain
    only = here[0]
    match plain:
        case (app,) if app == only.app and most == TARGET_WORDS:
            return (only.app, only.environment)
        case (environment, *rest) if environment == only.environment and len(plain) < most:
            return (only.app, environment, *rest)
        case (first, *_) if nearest(first, operations.apps(), similar=_MISTYPED):
            return plain
        case _ if len(plain) <= most - TARGET_WORDS:
            return (only.app, only.environment, *plain)
        case _:
            return plain


def find_target(plain: tuple[str, ...], channel: str, operations: Operations, usage: str) -> Target:
    """Find the target that the first two words name, if it is operated from the channel.

    Args:
        plain: words; the first is the app, the second the environment.
        channel: Slack's ID of the channel in which they were typed.
        operations: the operations file.
        usage: of the command, for messages.

    Raises:
        RefusedError: `usage`, words are missing; `unknown_app`, `unknown_environment`, with the nearest name;
            `wrong_channel`.
    """
    here = tuple(sorted({name.app for name, target in operations.targets.items() if channel in target.channels}))
    if not plain:
        raise RefusedError(problem(Reason.USAGE, usage=usage, apps=", ".join(here)))
    app = plain[0]
    if app not in operations.apps():
        known = here or operations.apps()
        raise RefusedError(
            problem(Reason.UNKNOWN_APP, app=app[:60], nearest=nearest(app, known) or "", known=", ".join(known))
        )
    environments = operations.environments(app)
    if len(plain) < 2:
        raise RefusedError(problem(Reason.USAGE, usage=usage, app=app, environments=", ".join(environments)))
    environment = plain[1]
    if environment not in environments:
        raise RefusedError(
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
        raise RefusedError(problem(Reason.WRONG_CHANNEL, app=app, channels=",".join(target.channels)))
    return target
