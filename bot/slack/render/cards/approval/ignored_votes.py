"""Notices to people whose vote does not count, shown to each of them alone, once."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.runs.approval import Ignored
from bot.domain.runs.run import Gate, Run, Vote
from bot.slack.render.cards.approval.people import approvers, emoji
from bot.slack.render.cards.approval.signatures import file_name
from bot.slack.render.context import RenderContext
from bot.slack.render.message import Message, text_message

PREFIX = "notice:"


def notice_slot(vote: Vote) -> str:
    """Return the slot of a notice: one for each plan, person and reason."""
    return f"{PREFIX}{vote.digest[:12]}:{vote.user}:{vote.reason}"


def notice_user(slot: str) -> str:
    """Return the person whom a notice is for."""
    return slot.split(":")[2]


def notices(run: Run, gate: Gate, ctx: RenderContext) -> dict[str, Message]:
    """Build the notices about votes on a gate that do not count, by slot."""
    messages: dict[str, Message] = {}
    for vote in run.votes:
        if vote.counts or vote.digest != gate.digest or vote.reason not in set(Ignored):
            continue
        name = (ctx.emoji.approve if vote.choice == "approve" else ctx.emoji.reject)[0]
        personal = replace(ctx, translator=ctx.personal(vote.user))
        text = personal.translator.translate(
            f"notice.{vote.reason}",
            emoji=emoji(name),
            who=approvers(gate.requirement.people, personal),
            file=file_name(gate),
        )
        messages[notice_slot(vote)] = text_message(text)
    return messages
