"""What a request to approve says of signatures, and its button *Sign*."""

from __future__ import annotations

from bot.domain.runs.approval import Ignored
from bot.domain.runs.run import Gate, Run
from bot.slack.render.cards.approval.people import emoji, names, voters
from bot.slack.render.context import RenderContext
from bot.slack.render.markup import Markup
from bot.slack.render.message import Block, actions, button, join_lines

SIGN = "run_sign"
"""The `action_id` of the button."""


def signature_lines(run: Run, gate: Gate, ctx: RenderContext) -> Markup:
    """Say how to sign while a request waits, and whose signature is missing; empty where none is asked for."""
    if not gate.requirement.asks_for_signatures:
        return Markup("")
    missing = tuple(
        vote.user
        for vote in run.votes
        if vote.digest == gate.digest and vote.reason == Ignored.SIGNATURE_MISSING and not vote.counts
    )
    return join_lines(
        (
            ctx.translator.translate("approval.sign", file=file_name(gate), approve=emoji(ctx.emoji.approve[0])),
            ctx.translator.translate("approval.signature_missing", who=names(missing, ctx)) if missing else Markup(""),
        )
    )


def signature_facts(run: Run, gate: Gate) -> dict[str, object]:
    """Give the facts for a message's metadata; none where no signatures are asked for."""
    if not gate.requirement.asks_for_signatures:
        return {}
    signers = {signature.user for signature in run.signatures if signature.digest == gate.digest}
    return {"signed": True, "signatures": len(signers.intersection(voters(run, gate, "approve")))}


def sign_button(run: Run, gate: Gate, ctx: RenderContext) -> Block | None:
    """Build the row with the button; None where no signatures are asked for."""
    if not gate.requirement.asks_for_signatures:
        return None
    return actions("sign_buttons", button(SIGN, ctx.translator.plain("button.sign"), run.id))


def file_name(gate: Gate) -> str:
    """Return the name of the file that is signed; a later request of the same run has one of its own."""
    return f"plan-{len(gate.earlier) + 1}.txt" if gate.earlier else "plan.txt"
