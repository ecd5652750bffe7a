"""What all forms have in common: their choices, their layout, and reading what was filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bot.domain.errors import Problem, Reason
from bot.domain.runs.request import Action, RequestOptions
from bot.domain.runs.run import Run
from bot.domain.targets.branch_commits import BranchCommits
from bot.domain.targets.target import Target
from bot.slack.forms.fields import text_input
from bot.slack.render.context import RenderContext
from bot.slack.render.message import Block

TARGET = "target"
"""The field that every form has; a choice in it updates the other fields."""

TARGET_REASONS = frozenset(
    {
        Reason.UNKNOWN_APP,
        Reason.UNKNOWN_ENVIRONMENT,
        Reason.WRONG_CHANNEL,
        Reason.NOT_IN_CHANNEL,
        Reason.CHANNEL_ARCHIVED,
        Reason.USAGE,
        Reason.NOT_ALLOWED,
        Reason.MEMBERSHIP_UNKNOWN,
        Reason.FROZEN,
        Reason.LOCKED,
        Reason.DRAINING,
        Reason.BACKUP_IMPOSSIBLE,
    }
)
"""Reasons that are shown at the target in every form."""


@dataclass(frozen=True)
class TargetDetails:
    """The chosen target, with what is known of it.

    Args:
        target: the target.
        blocking_reason: what would refuse a request now.
        newest: the branch's commits that are not live; None while they are not read, or where they do not matter.
        unread: the problem with which reading the branch failed.
        releases: successful runs that made a commit live, newest first; the first one is live.
        may_declare: whether this person is trusted with emergencies there.
    """

    target: Target
    blocking_reason: Problem | None = None
    newest: BranchCommits | None = None
    unread: Problem | None = None
    releases: tuple[Run, ...] = ()
    may_declare: bool = False


@dataclass(frozen=True)
class FormState:
    """What a form offers to the person who opened it.

    Args:
        channel: where it was opened; empty on the App Home, where the target's first channel is used.
        targets: those that this person may choose.
        details: what is known of the one that is chosen; None while none is.
    """

    channel: str
    targets: tuple[Target, ...]
    details: TargetDetails | None = None


class CommandForm(Protocol):
    """The form of one command."""

    @property
    def command(self) -> str:
        """The slash command that it replaces, with its slash."""
        ...

    @property
    def action(self) -> Action:
        """The action that policies know it by."""
        ...

    @property
    def reads_branch(self) -> bool:
        """Whether it offers the branch's commits, which must be read from a host."""
        ...

    @property
    def completes(self) -> bool:
        """Whether the command opens it when some arguments are missing, and not only when all are."""
        ...

    def takes(self, target: Target) -> bool:
        """Return whether a target has what the command needs."""
        ...

    def plain(self, target: Target) -> RequestOptions:
        """Return the options of a request when only the target is filled in."""
        ...

    def fields(self, state: FormState, ctx: RenderContext) -> tuple[Block | None, ...]:
        """Build the fields below the target."""
        ...

    def words(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the form's values as typed words."""
        ...

    def mistake(self, values: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return the field of an invalid or contradictory value, and the key of the error message."""
        ...

    def field(self, reason: Reason) -> str:
        """Return the field at which a reason is shown."""
        ...


EMERGENCY = "emergency"
"""The field for the reason of an emergency."""


def emergency_field(details: TargetDetails | None, ctx: RenderContext) -> Block | None:
    """Build the field for the reason of an emergency, for those who are trusted with one."""
    if details is None or not details.may_declare:
        return None
    translate = ctx.translator.translate
    return text_input(EMERGENCY, translate("form.reasons.emergency"), translate("form.reasons.emergency.empty"))


def emergency_words(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the flag of an emergency as typed; nothing without a reason."""
    why = text_value(values, EMERGENCY)
    return (f"--emergency={why}",) if why else ()


def field_state(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the state of a field.

    Args:
        values: `state.values` of a view.
        name: of the field: its action ID. The ID of its block may also contain the target.
    """
    for block in values.values():
        state = block.get(name) if isinstance(block, Mapping) else None
        if isinstance(state, Mapping):
            return state
    return {}


def text_value(values: Mapping[str, Any], name: str) -> str:
    """Return the text of a field; empty where it is empty."""
    return str(field_state(values, name).get("value") or "").strip()


def selected_value(values: Mapping[str, Any], name: str) -> str:
    """Return the value of the selected option; empty where none is selected."""
    return str((field_state(values, name).get("selected_option") or {}).get("value") or "")


def checked_values(values: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the values of the checked options."""
    return tuple(str(option["value"]) for option in field_state(values, name).get("selected_options") or [])


def block_of(values: Mapping[str, Any], name: str) -> str:
    """Return the block of a field, to show an error at; the target's where the form has no such field."""
    return next((block for block, fields in values.items() if name in fields), TARGET)
