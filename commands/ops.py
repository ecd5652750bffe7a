"""`/ops`: status, locks, cancelling and help. Makes no run."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.names import TargetName, nearest, parse_run_id
from bot.domain.ops_command import CancelRun, Order, SetLock, ShowHelp, ShowStatus, TakeLockOff
from bot.domain.policies.usage import HELP
from bot.domain.runs.request import Origin
from bot.domain.targets.target import Operations, Target
from commands.words import TARGET_WORDS, find_target, with_target

_ORDERS = ("status", "lock", "unlock", "cancel", "help")
_LONGEST_REASON = 200


@dataclass(frozen=True)
class Ops:
    """The command."""

    name: str = "/ops"
    description: str = "What runs, waits and is locked here; lock, unlock, cancel"
    usage: str = "status [APP [ENV]] | lock APP ENV REASON | unlock APP ENV | cancel RUN | help"

    def parse(self, words: tuple[str, ...], origin: Origin, operations: Operations) -> Order:
        """Read what was typed behind `/ops`; nothing means `status`.

        Raises:
            RefusedError: with what is wrong and what would be right.
        """
        order, rest = (words[0].lower(), words[1:]) if words else ("status", ())
        order = "help" if order in HELP else order
        match order:
            case "status":
                return ShowStatus(_targets(rest, origin.channel, operations))
            case "help":
                _none(rest, "/ops help")
                return ShowHelp(_here(origin.channel, operations))
            case "cancel":
                return CancelRun(_run(rest))
            case "lock":
                usage = "/ops lock APP ENV REASON"
                return SetLock(_target(rest, origin.channel, operations, usage).name, _reason(rest[2:], usage))
            case "unlock":
                usage = "/ops unlock APP ENV"
                rest = with_target(rest, origin.channel, operations, TARGET_WORDS)
                target = _target(rest, origin.channel, operations, usage)
                _none(rest[2:], usage)
                return TakeLockOff(target.name)
            case _:
                near = nearest(order, _ORDERS) or ""
                usage = f"{self.name} {self.usage}"
                raise RefusedError(problem(Reason.BAD_OPTION, option=order[:60], nearest=near, usage=usage))


def _here(channel: str, operations: Operations) -> tuple[TargetName, ...]:
    return tuple(sorted(name for name, target in operations.targets.items() if channel in target.channels))


def _targets(rest: tuple[str, ...], channel: str, operations: Operations) -> tuple[TargetName, ...]:
    """Find the requested targets: one, those of an app, or all that are operated from this channel."""
    usage = "/ops status [APP [ENV]]"
    _none(rest[2:], usage)
    here = _here(channel, operations)
    if not rest:
        return here
    of_app = tuple(name for name in here if name.app == rest[0])
    if len(rest) == 1 and of_app:
        return of_app
    first = next((name.environment for name in operations.targets if name.app == rest[0]), "")
    return (find_target((rest[0], *(rest[1:] or (first,))), channel, operations, usage).name,)


def _target(rest: tuple[str, ...], channel: str, operations: Operations, usage: str) -> Target:
    return find_target(rest[:2], channel, operations, usage)


def _run(rest: tuple[str, ...]) -> str:
    if not rest:
        raise RefusedError(problem(Reason.USAGE, usage="/ops cancel RUN"))
    _none(rest[1:], "/ops cancel RUN")
    return parse_run_id(rest[0])


def _reason(words: tuple[str, ...], usage: str) -> str:
    reason = " ".join(words).strip()
    if not reason:
        raise RefusedError(problem(Reason.USAGE, usage=usage))
    if len(reason) > _LONGEST_REASON:
        surplus = reason[_LONGEST_REASON:][:60]
        raise RefusedError(problem(Reason.USAGE, usage=usage, longest=str(_LONGEST_REASON), extra=surplus))
    return reason


def _none(rest: tuple[str, ...], usage: str) -> None:
    if rest:
        raise RefusedError(problem(Reason.USAGE, usage=usage, extra=" ".join(rest)[:200]))
