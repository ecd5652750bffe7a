"""The form of `/rollback`: a target, a release, and whether the schema is rolled back as well."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.domain.errors import Reason
from bot.domain.runs.request import Action, RollbackOptions
from bot.domain.runs.run import Run
from bot.domain.targets.target import Target
from bot.slack.forms.fields import menu, option, radio_buttons, text_input
from bot.slack.forms.form import (
    TARGET,
    TARGET_REASONS,
    FormState,
    TargetDetails,
    emergency_field,
    emergency_words,
    selected_value,
    text_value,
)
from bot.slack.render.context import RenderContext
from bot.slack.render.message import Block, section

HOW, RELEASE, MIGRATIONS = "how", "release", "migrations"
_BEFORE, _BOTH, _CODE = "before", "both", "code"
_SHORT = 7


class RollbackForm:
    """The form of `/rollback`."""

    command = "/rollback"
    action = Action.ROLLBACK
    completes = False
    reads_branch = False

    def takes(self, target: Target) -> bool:
        """Return whether a target has hosts."""
        return bool(target.hosts)

    def plain(self, target: Target) -> RollbackOptions:
        """Return the options of a request when only the target is filled in."""
        return RollbackOptions()

    def fields(self, state: FormState, ctx: RenderContext) -> tuple[Block | None, ...]:
        """Build the fields."""
        translate = ctx.translator.translate
        how = (
            option(translate("form.rollback.both"), _BOTH, translate("form.rollback.both.what")),
            option(translate("form.rollback.code"), _CODE, translate("form.rollback.code.what")),
        )
        return (
            _releases(state.details, ctx) if state.details is not None else None,
            radio_buttons(HOW, translate("form.rollback.how"), how),
            text_input(
                MIGRATIONS,
                translate("form.rollback.migrations"),
                translate("form.rollback.migrations.empty"),
                longest=3,
            ),
            emergency_field(state.details, ctx),
        )

    def words(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the form's values as typed words."""
        release, count = selected_value(values, RELEASE), text_value(values, MIGRATIONS)
        words = list(selected_value(values, TARGET).split(" "))
        words += ["--code"] if selected_value(values, HOW) == _CODE else []
        words += [f"--to={release}"] if release not in ("", _BEFORE) else []
        words += [f"--migrations={count}"] if count else []
        return (*words, *emergency_words(values))

    def mistake(self, values: Mapping[str, Any]) -> tuple[str, str] | None:
        """Refuse an invalid number, and undoing a number of migrations together with going back to a release."""
        if not re.fullmatch(r"[0-9]*", text_value(values, MIGRATIONS)):
            return MIGRATIONS, "form.rollback.migrations.wrong"
        narrowed = selected_value(values, HOW) == _CODE or selected_value(values, RELEASE) not in ("", _BEFORE)
        return (MIGRATIONS, "form.rollback.both_ways") if text_value(values, MIGRATIONS) and narrowed else None

    def field(self, reason: Reason) -> str:
        """Return the field at which a reason is shown."""
        if reason in TARGET_REASONS:
            return TARGET
        return MIGRATIONS if reason is Reason.BAD_OPTION else RELEASE


def _releases(details: TargetDetails, ctx: RenderContext) -> Block | None:
    """Build the menu of the releases before the live one; the plan determines which is the previous one.

    Where no release is known, explain how to name a commit instead.
    """
    translate = ctx.translator.translate
    if not details.releases:
        return section(translate("form.release.none", target=str(details.target.name)))
    past = [_release(run, ctx) for run in details.releases[1:]]
    before = option(translate("form.release.before"), _BEFORE)
    block = f"{RELEASE} {details.target.name}"
    return menu(RELEASE, translate("form.release"), [before, *past], chosen=_BEFORE, block=block)


def _release(run: Run, ctx: RenderContext) -> Block:
    sha = run.plan.sha.short if run.plan is not None and run.plan.sha is not None else ""
    at = run.ended_at or run.created_at
    commits = run.plan.commits if run.plan is not None else ()
    subject = ctx.masker.mask(commits[0].subject) if commits else ""
    when = ctx.translator.written_out(at)
    return option(ctx.translator.translate("form.release.past", sha=sha, when=when, run=run.id), run.id, subject)
