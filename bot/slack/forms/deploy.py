"""The form of `/deploy`: a target, one of the branch's newest commits or another ref, two options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.domain.errors import Reason
from bot.domain.policies.policy import OVERRIDE
from bot.domain.runs.plan import Commit
from bot.domain.runs.request import Action, DeployOptions
from bot.domain.targets.target import Target
from bot.slack.forms.fields import checkboxes, menu, option, text_input
from bot.slack.forms.form import (
    TARGET,
    TARGET_REASONS,
    FormState,
    TargetDetails,
    checked_values,
    emergency_field,
    emergency_words,
    selected_value,
    text_value,
)
from bot.slack.render.context import RenderContext
from bot.slack.render.message import Block, context

COMMIT, REF, OPTIONS, AT, DURING_FREEZE = "commit", "ref", "options", "at", "during_freeze"
_TIP = "tip"
"""The option to deploy the head of the branch at the time of planning."""

_SHORT = 7

_OF_TIME = frozenset({Reason.BAD_TIME, Reason.NO_TIME, Reason.NO_WINDOW})


class DeployForm:
    """The form of `/deploy`."""

    command = "/deploy"
    action = Action.DEPLOY
    completes = True
    reads_branch = True

    def takes(self, target: Target) -> bool:
        """Return whether a target has hosts."""
        return bool(target.hosts)

    def plain(self, target: Target) -> DeployOptions:
        """Return the options of a request when only the target is filled in."""
        return DeployOptions(target.branch)

    def fields(self, state: FormState, ctx: RenderContext) -> tuple[Block | None, ...]:
        """Build the fields."""
        translate = ctx.translator.translate
        options = (option(translate("form.dry_run"), "--dry-run"), option(translate("form.no_migrate"), "--no-migrate"))
        return (
            *(_commits(state.details, ctx) if state.details is not None else ()),
            text_input(REF, translate("form.ref"), translate("form.ref.empty")),
            checkboxes(OPTIONS, translate("form.options"), options),
            text_input(AT, translate("form.at"), translate("form.at.empty"), longest=60),
            _exception(state.details, ctx),
            emergency_field(state.details, ctx),
        )

    def words(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the form's values as typed words."""
        commit = selected_value(values, COMMIT)
        # The ref is one word whatever it contains: the command validates it.
        ref = text_value(values, REF) or ("" if commit == _TIP else commit)
        why = text_value(values, DURING_FREEZE)
        at = text_value(values, AT)
        exception = (f"--during-freeze={why}",) if why else ()
        return (
            *selected_value(values, TARGET).split(" "),
            *((ref,) if ref else ()),
            *checked_values(values, OPTIONS),
            *((f"--at={at}",) if at else ()),
            *exception,
            *emergency_words(values),
        )

    def mistake(self, values: Mapping[str, Any]) -> tuple[str, str] | None:
        """Refuse a commit together with a ref."""
        both = text_value(values, REF) and selected_value(values, COMMIT) not in ("", _TIP)
        return (REF, "form.ref.both") if both else None

    def field(self, reason: Reason) -> str:
        """Return the field at which a reason is shown."""
        if reason in _OF_TIME:
            return AT
        return TARGET if reason in TARGET_REASONS else REF


def _commits(details: TargetDetails, ctx: RenderContext) -> tuple[Block | None, ...]:
    translate, newest = ctx.translator.translate, details.newest
    if newest is None and details.unread is not None:
        return (context(translate("form.commits.unread", wrong=ctx.problem_text(details.unread))),)
    if newest is None:
        return (context(translate("form.commits.reading", branch=details.target.branch)),)
    if not newest.commits:
        return (context(translate("form.commits.none", branch=newest.branch, sha=newest.head[:_SHORT])),)
    tip = newest.commits[0]
    newest_of = translate("form.commits.tip", branch=newest.branch, commit=_commit_text(tip, ctx))
    options = [option(newest_of, _TIP), *(_option(each, ctx) for each in newest.commits)]
    # Another target has other commits: a choice for one target must not be kept for the next.
    menu_of = menu(COMMIT, translate("form.commit"), options, chosen=_TIP, block=f"{COMMIT} {details.target.name}")
    stale = None if newest.fetched else context(translate("form.commits.stale"))
    return (menu_of, stale)


def _option(commit: Commit, ctx: RenderContext) -> Block:
    return option(_commit_text(commit, ctx), commit.sha, ctx.masker.mask(commit.author))


def _commit_text(commit: Commit, ctx: RenderContext) -> str:
    return f"{commit.sha[:_SHORT]} {ctx.masker.mask(commit.subject)}"


def _exception(details: TargetDetails | None, ctx: RenderContext) -> Block | None:
    """Build the field for the reason of an exception, where a freeze is on and the policy allows one."""
    frozen = (
        details is not None and details.blocking_reason is not None and details.blocking_reason.reason is Reason.FROZEN
    )
    if details is None or not frozen or OVERRIDE not in details.target.policy.approve:
        return None
    translate = ctx.translator.translate
    return text_input(DURING_FREEZE, translate("form.during_freeze"), translate("form.during_freeze.empty"))
