"""A form as a modal: the target, the command's fields, and what will happen."""

from __future__ import annotations

import json

from bot.domain.errors import Problem
from bot.domain.policies.policy import DESTRUCTIVE_MIGRATION, BackupBefore, Policy, Requirement
from bot.domain.runs.request import Action
from bot.slack.forms.fields import menu, option, plain_text, short_text
from bot.slack.forms.form import TARGET, CommandForm, FormState, TargetDetails
from bot.slack.render import markup
from bot.slack.render.cards.approval.people import approvers
from bot.slack.render.context import RenderContext
from bot.slack.render.markup import Markup
from bot.slack.render.message import Block, context, join_lines, section


def opening_view(form: CommandForm, ctx: RenderContext) -> Block:
    """Build the modal that is opened within Slack's three seconds, while permissions are looked up."""
    return _modal(form, ctx, [section(ctx.translator.translate("form.opening"))])


def refusing_view(form: CommandForm, problem: Problem, ctx: RenderContext) -> Block:
    """Build the modal for somebody who may not choose any target."""
    return _modal(form, ctx, [section(ctx.translator.refusal_text(problem))])


def form_view(form: CommandForm, state: FormState, ctx: RenderContext) -> Block:
    """Build the modal of a form."""
    translate = ctx.translator.translate
    chosen = state.details.target if state.details is not None else None
    options = [option(f"{target.name.app} · {target.name.environment}", str(target.name)) for target in state.targets]
    label = translate(f"{_key(form)}.target")
    picker = menu(TARGET, label, options, chosen=str(chosen.name) if chosen else "")
    picker["element"]["placeholder"] = plain_text(translate("form.target.choose"))
    blocks = [{**picker, "dispatch_action": True}, *form.fields(state, ctx), *_outlook(form, state, ctx)]
    submit = {"submit": short_text(translate(f"{_key(form)}.submit"))}
    return _modal(form, ctx, blocks) | submit | {"private_metadata": json.dumps({"channel": state.channel})}


def _modal(form: CommandForm, ctx: RenderContext, blocks: list[Block | None]) -> Block:
    return {
        "type": "modal",
        "callback_id": form.command,
        "title": short_text(ctx.translator.translate(f"{_key(form)}.title")),
        "close": short_text(ctx.translator.translate("form.close")),
        "blocks": [block for block in blocks if block is not None],
    }


def _key(form: CommandForm) -> str:
    return f"form.{form.action.value}"


def _outlook(form: CommandForm, state: FormState, ctx: RenderContext) -> list[Block | None]:
    """Describe what will happen, and what blocks it now."""
    if state.details is None:
        return [context(_effect(form, "", ctx))]
    details = state.details
    target = details.target
    channel = markup.channel(target.channels[0]) if not state.channel and target.channels else ""
    outlook = join_lines(
        (
            _effect(form, channel, ctx),
            _approval(form.action, target.policy, ctx),
            _backup(form.action, target.policy, ctx),
        )
    )
    return [section(_blocking_reason(details, ctx)), context(outlook)]


def _effect(form: CommandForm, channel: str, ctx: RenderContext) -> Markup:
    """Describe what submitting does, with the channel where that is not the one the form was opened in."""
    key = "form.backup" if form.action is Action.BACKUP else "form"
    translate = ctx.translator.translate
    return translate(f"{key}.where", channel=channel) if channel else translate(f"{key}.what")


def _blocking_reason(details: TargetDetails, ctx: RenderContext) -> Markup:
    problem = details.blocking_reason
    return (
        ctx.translator.translate("form.in_the_way", wrong=ctx.translator.warning_text(problem))
        if problem
        else Markup("")
    )


def _approval(action: Action, policy: Policy, ctx: RenderContext) -> Markup:
    """Describe whose approval is needed before the first change."""
    usual = policy.requirement(action)
    if action is Action.BACKUP and usual.needs_no_approval:
        return ctx.translator.translate("form.reads")
    approval = (
        _requirement(usual, ctx) if not usual.needs_no_approval else ctx.translator.translate("form.approval.none")
    )
    if action is not Action.DEPLOY or DESTRUCTIVE_MIGRATION not in policy.approve:
        return approval
    besides = policy.requirement(action, destructive=True)
    return join_lines(
        (approval, ctx.translator.translate("form.destructive", who=_people(besides, ctx), n=str(besides.needed)))
    )


def _requirement(requirement: Requirement, ctx: RenderContext) -> Markup:
    key = "form.approval.self" if requirement.allow_requester else "form.approval"
    return ctx.translator.count(key, requirement.needed, who=_people(requirement, ctx))


def _people(requirement: Requirement, ctx: RenderContext) -> Markup:
    return approvers(requirement.people, ctx)


def _backup(action: Action, policy: Policy, ctx: RenderContext) -> Markup:
    when = policy.backup_before.get(action, BackupBefore.NEVER)
    return Markup("") if action is Action.BACKUP else ctx.translator.translate(f"form.backup_before.{when.value}")
