"""The request to approve an emergency afterwards, also shown in the channel."""

from __future__ import annotations

from bot.domain.runs.approval import GateState
from bot.domain.runs.reminders import is_overdue
from bot.domain.runs.run import Gate, Run
from bot.slack.render.cards.approval.approval_card import approval_subject
from bot.slack.render.cards.approval.people import approvers, emoji, mentions, names, unmentioned, voters
from bot.slack.render.cards.approval.signatures import sign_button, signature_facts, signature_lines
from bot.slack.render.context import RenderContext, action_name, target_name
from bot.slack.render.markup import Markup
from bot.slack.render.message import Message, context, join_lines, message, section


def afterwards_card(run: Run, gate: Gate, ctx: RenderContext) -> Message:
    """Build the message that people react to after an emergency.

    Args:
        run: an emergency that has passed its gate.
        gate: of the run.
        ctx: the render context.
    """
    translate = ctx.translator.translate
    words = {"action": Markup(action_name(run, ctx).lower()), "target": target_name(run)}
    needed = ctx.translator.count("approval.needed", gate.requirement.needed)
    given = voters(run, gate, "approve")
    key = "open" if gate.state in {GateState.OPEN, GateState.EXPIRED} else gate.state.value
    return message(
        translate("afterwards.notification", needed=needed, run=run.id, **words),
        (
            section(join_lines((translate(f"afterwards.{key}", **words), _why(run, ctx), approval_subject(run, ctx)))),
            section(join_lines(_people(run, gate, needed, ctx))),
            section(signature_lines(run, gate, ctx) if gate.owed else ""),
            section(_outcome(run, gate, ctx)),
            sign_button(run, gate, ctx) if gate.owed else None,
            context(translate("plan.digest", digest=gate.digest[:12])),
        ),
        "countersign_approval",
        {
            "run": run.id,
            "plan": gate.digest,
            "needed": gate.requirement.needed,
            "given": len(given),
            "state": gate.state.value,
            "approved_by": [{"user": user} for user in given],
            "afterwards": True,
            **signature_facts(run, gate),
        },
        announced=True,
    )


def _why(run: Run, ctx: RenderContext) -> Markup:
    why = ctx.masker.mask(run.request.emergency or "")
    return ctx.translator.translate("afterwards.why", asker=ctx.name(run.request.origin.user), why=why)


def _people(run: Run, gate: Gate, needed: Markup, ctx: RenderContext) -> tuple[Markup, ...]:
    translate = ctx.translator.translate
    given = voters(run, gate, "approve")
    requirement = gate.requirement
    count = (
        translate("approval.by", who=names(given, ctx), given=str(len(given)), needed=str(requirement.needed))
        if given
        else Markup("")
    )
    if not gate.owed:
        return (count,)
    asker = run.request.origin.user
    more = unmentioned(requirement.people, asker)
    until = ctx.translator.moment(gate.expires_at)
    return (
        translate("afterwards.overdue", until=until) if is_overdue(gate, ctx.now) else Markup(""),
        translate(
            "afterwards.who",
            needed=needed,
            who=mentions(requirement.people, asker) or approvers(requirement.people, ctx),
            n=str(more) if more else "",
            asker=ctx.name(asker),
        ),
        translate(
            "afterwards.how",
            approve=emoji(ctx.emoji.approve[0]),
            reject=emoji(ctx.emoji.reject[0]),
            digest=gate.digest[:12],
            until=until,
        ),
        count,
    )


def _outcome(run: Run, gate: Gate, ctx: RenderContext) -> Markup:
    translate = ctx.translator.translate
    match gate.state:
        case GateState.REJECTED:
            return translate("afterwards.rejected_by", who=names(voters(run, gate, "reject"), ctx))
        case GateState.VOID:
            return translate("afterwards.void_note")
        case GateState.OPEN | GateState.APPROVED | GateState.EXPIRED:
            return Markup("")
