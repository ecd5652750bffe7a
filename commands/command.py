"""The protocols of slash commands and their subcommands."""

from __future__ import annotations

from typing import Protocol, TypeVar

from bot.domain.runs.planner import Planner
from bot.domain.runs.request import Action, Origin, Request
from bot.domain.runs.run import Run
from bot.domain.targets.target import Operations

T = TypeVar("T")


def options_as(run: Run, kind: type[T]) -> T:
    """Give the options of a run's request, as the kind that a planner plans.

    Raises:
        TypeError: they are of another kind, so the run was given to the wrong planner.
    """
    options = run.request.options
    if not isinstance(options, kind):
        raise TypeError(f"run {run.id} asks for {options!r}, which is no {kind.__name__}")
    return options


class SlashCommand(Planner, Protocol):
    """A slash command that becomes a run."""

    @property
    def name(self) -> str:
        """What is typed, with the slash: `/deploy`."""
        ...

    @property
    def action(self) -> Action:
        """What a policy calls it."""
        ...

    @property
    def description(self) -> str:
        """One line for Slack's list of commands."""
        ...

    @property
    def usage(self) -> str:
        """The words behind the name: `APP ENV [REF]`."""
        ...

    def parse(self, words: tuple[str, ...], origin: Origin, operations: Operations) -> Request:
        """Read what was typed behind the name.

        Raises:
            RefusedError: with what is wrong and what would be right.
        """
        ...


class Subcommand(Protocol):
    """A word behind the name of a slash command that makes another kind of request: `/backup list`."""

    @property
    def name(self) -> str:
        """The word."""
        ...

    @property
    def usage(self) -> str:
        """The word, and those behind it: `list APP ENV`."""
        ...

    def parse(self, words: tuple[str, ...], origin: Origin, operations: Operations) -> Request:
        """Read what was typed behind the slash command, the word itself included.

        Raises:
            RefusedError: with what is wrong and what would be right.
        """
        ...
