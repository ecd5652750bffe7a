"""What every form is: what it offers to choose from, how it looks, and what was filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bot.domain.errors import Problem, Reason
from bot.domain.runs.request import Action, RequestOptions
from bot.domain.runs.run import Run
from bot.domain.targets.branch_commits import Newest
from bot.domain.targets.target import Target
from bot.slack.render.context import RenderContext
from bot.slack.render.message import Block

TARGET = "target"
"""The field that every form has; choosing in it has the rest looked up anew."""

TARGET_REASONS = frozenset(
    {
        Reason.UNKNOWN_APP,
        Reason.UNKNOWN_ENVIRONMENT,
        Reason.WRONG_CHANNEL,
        Reason.USAGE,
        Reason.NOT_ALLOWED,
        Reason.MEMBERSHIP_UNKNOWN,
        Reason.FROZEN,
        Reason.LOCKED,
        Reason.DRAINING,
        Reason.BACKUP_IMPOSSIBLE,
    }
)
"""Reasons that are about the target, whatever the form."""


@dataclass(frozen=True)
class ChosenTarget:
    """What is known of the target that is chosen.

    Args:
        target: which.
        blocking_reason: what would refuse a request now.
        newest: what its branch has that is not live; None where nobody looked yet, or where it does not matter.
        unread: why the branch could not be read.
        releases: the runs that made a commit live and went well, newest first; the first is what is live.
    """

    target: Target
    blocking_reason: Problem | None = None
    newest: Newest | None = None
    unread: Problem | None = None
    releases: tuple[Run, ...] = ()


@dataclass(frozen=True)
class FormState:
    """What a form offers to who opened it.

    Args:
        channel: where it was asked for; empty where it was on the App Home, and then a target's first channel is meant.
        targets: what this person may choose.
        prospect: what is known of the one that is chosen; None while none is.
    """

    channel: str
    targets: tuple[Target, ...]
    prospect: ChosenTarget | None = None


class Form(Protocol):
    """The form of one command."""

    @property
    def command(self) -> str:
        """The slash command that it stands for."""
        ...

    @property
    def action(self) -> Action:
        """What a policy calls it."""
        ...

    @property
    def reads_branch(self) -> bool:
        """Whether it offers commits of the branch, which a host is asked for."""
        ...

    @property
    def completes(self) -> bool:
        """Whether it also stands in where some words are missing, and not only where all are."""
        ...

    def takes(self, target: Target) -> bool:
        """Say whether a target has what the command needs."""
        ...

    def plain(self, target: Target) -> RequestOptions:
        """Give the options of a request for which nothing but the target was filled in."""
        ...

    def fields(self, offer: FormState, ctx: RenderContext) -> tuple[Block | None, ...]:
        """Build its own fields, which stand under the target's."""
        ...

    def words(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """Give what was filled in as words."""
        ...

    def mistake(self, values: Mapping[str, Any]) -> tuple[str, str] | None:
        """Give the field of an answer that cannot be, alone or beside another, and the key of what is said there."""
        ...

    def field(self, reason: Reason) -> str:
        """Name the field at which a reason is shown."""
        ...


def field_state(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Give what a field holds.

    Args:
        values: `state.values` of a view.
        name: of the field: its action ID. Its block may have the target in its ID too.
    """
    for block in values.values():
        found = block.get(name) if isinstance(block, Mapping) else None
        if isinstance(found, Mapping):
            return found
    return {}


def text_value(values: Mapping[str, Any], name: str) -> str:
    """Give what was typed into a field; empty where nothing was."""
    return str(field_state(values, name).get("value") or "").strip()


def selected_value(values: Mapping[str, Any], name: str) -> str:
    """Give the value of the option that was chosen; empty where none was."""
    return str((field_state(values, name).get("selected_option") or {}).get("value") or "")


def checked_values(values: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Give the values of the options that were ticked."""
    return tuple(str(option["value"]) for option in field_state(values, name).get("selected_options") or [])


def block_of(values: Mapping[str, Any], name: str) -> str:
    """Name the block of a field, for an error that stands there; the target's where the form has no such field."""
    return next((block for block, fields in values.items() if name in fields), TARGET)
