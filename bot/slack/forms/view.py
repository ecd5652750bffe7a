"""A form as a modal: the target, the command's fields, and what will happen."""

from __future__ import annotations

import json

from bot.domain.errors import Problem
from bot.domain.policies.policy import DESTRUCTIVE_MIGRATION, BackupBefore, Policy, Requirement
from bot.domain.runs.request import Action
from bot.slack.forms.fields import menu, option, plain_text
from bot.slack.forms.form import TARGET, ChosenTarget, Form, FormState
from bot.slack.render import markup
from bot.slack.render.cards.approval.people import approvers
from bot.slack.render.context import RenderContext
from bot.slack.render.markup import Markup
from bot.slack.render.message import Block, context, join_lines, section


def opening_view(form: Form, ctx: RenderContext) -> Block:
    """Build the modal that is opened within Slack's three seconds, while permissions are looked up."""
    return _modal(form, ctx, [section(ctx.translator.translate("form.opening"))])


def refusing_view(form: Form, found: Problem, ctx: RenderContext) -> Block:
    """Build the modal for somebody who may not choose any target."""
    return _modal(form, ctx, [section(ctx.translator.refusal_text(found))])


def form_view(form: Form, offer: FormState, ctx: RenderContext) -> Block:
    """Build the modal of a form."""
    translate = ctx.translator.translate
    chosen = offer.prospect.target if offer.prospect is not None else None
    options = [option(f"{target.name.app} · {target.name.environment}", str(target.name)) for target in offer.targets]
    label = translate(f"{_key(form)}.target")
    picker = menu(TARGET, label, options, chosen=str(chosen.name) if chosen else "")
    picker["element"]["placeholder"] = plain_text(translate("form.target.choose"))
    blocks = [{**picker, "dispatch_action": True}, *form.fields(offer, ctx), *_outlook(form, offer, ctx)]
    submit = {"submit": plain_text(translate(f"{_key(form)}.submit"))}
    return _modal(form, ctx, blocks) | submit | {"private_metadata": json.dumps({"channel": offer.channel})}


def _modal(form: Form, ctx: RenderContext, blocks: list[Block | None]) -> Block:
    return {
        "type": "modal",
        "callback_id": form.command,
        "title": plain_text(ctx.translator.translate(f"{_key(form)}.title")),
        "close": plain_text(ctx.translator.translate("form.close")),
        "blocks": [block for block in blocks if block is not None],
    }


def _key(form: Form) -> str:
    return f"form.{form.action.value}"


def _outlook(form: Form, offer: FormState, ctx: RenderContext) -> list[Block | None]:
    """Describe what will happen, and what blocks it now."""
    if offer.prospect is None:
        return [context(_what(form, "", ctx))]
    prospect = offer.prospect
    target = prospect.target
    channel = markup.channel(target.channels[0]) if not offer.channel and target.channels else ""
    told = join_lines(
        (
            _what(form, channel, ctx),
            _approval(form.action, target.policy, ctx),
            _backup(form.action, target.policy, ctx),
        )
    )
    return [section(_in_the_way(prospect, ctx)), context(told)]


def _what(form: Form, channel: str, ctx: RenderContext) -> Markup:
    """Describe what submitting does, with the channel where that is not the one the form was opened in."""
    key = "form.backup" if form.action is Action.BACKUP else "form"
    translate = ctx.translator.translate
    return translate(f"{key}.where", channel=channel) if channel else translate(f"{key}.what")


def _in_the_way(prospect: ChosenTarget, ctx: RenderContext) -> Markup:
    found = prospect.blocking_reason
    return (
        ctx.translator.translate("form.in_the_way", wrong=ctx.translator.warning_text(found)) if found else Markup("")
    )


def _approval(action: Action, policy: Policy, ctx: RenderContext) -> Markup:
    """Describe whose approval is needed before the first change."""
    usual = policy.requirement(action)
    if action is Action.BACKUP and usual.needs_no_approval:
        return ctx.translator.translate("form.reads")
    told = _asked(usual, ctx) if not usual.needs_no_approval else ctx.translator.translate("form.approval.none")
    if action is not Action.DEPLOY or DESTRUCTIVE_MIGRATION not in policy.approve:
        return told
    besides = policy.requirement(action, destructive=True)
    return join_lines(
        (told, ctx.translator.translate("form.destructive", who=_people(besides, ctx), n=str(besides.needed)))
    )


def _asked(requirement: Requirement, ctx: RenderContext) -> Markup:
    key = "form.approval.self" if requirement.allow_requester else "form.approval"
    return ctx.translator.count(key, requirement.needed, who=_people(requirement, ctx))


def _people(requirement: Requirement, ctx: RenderContext) -> Markup:
    return approvers(requirement.people, ctx)


def _backup(action: Action, policy: Policy, ctx: RenderContext) -> Markup:
    when = policy.backup_before.get(action, BackupBefore.NEVER)
    return Markup("") if action is Action.BACKUP else ctx.translator.translate(f"form.backup_before.{when.value}")
