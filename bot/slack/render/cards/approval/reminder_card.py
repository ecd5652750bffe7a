"""Reminders that a decision is missing, and the notice that a queued run's turn has come. Posted once each."""

from __future__ import annotations

from datetime import datetime

from bot.domain.policies.people import People
from bot.domain.runs.reminders import is_last, is_overdue, number_of
from bot.domain.runs.run import Gate, Run, RunState
from bot.slack.render import markup
from bot.slack.render.cards.approval.people import (
    approvers,
    emoji,
    mention_of_requester,
    mentions_of_all,
    mentions_of_turn,
    voters,
)
from bot.slack.render.cards.approval.signatures import file_name
from bot.slack.render.context import RenderContext, action_name, target_name
from bot.slack.render.markup import Markup
from bot.slack.render.message import Message, join_lines, message, section

TURN = "turn"


def reminders(run: Run, gate: Gate, ctx: RenderContext) -> dict[str, Message]:
    """Build the reminder that is due, by its slot; empty where none is.

    Args:
        run: the run.
        gate: its gate.
        ctx: the render context.
    """
    if gate.reminded_at is None or not (gate.owed or run.state is RunState.AWAITING_APPROVAL):
        return {}
    return {f"reminder:{int(gate.reminded_at.timestamp())}": _reminder(run, gate, gate.reminded_at, ctx)}


def _reminder(run: Run, gate: Gate, at: datetime, ctx: RenderContext) -> Message:
    translate = ctx.translator.translate
    people = gate.requirement.people
    done = voters(run, gate, "approve")
    asker = "" if gate.requirement.allow_requester else run.request.origin.user
    key = "reminder.overdue" if is_overdue(gate, at) else "reminder.owed" if gate.owed else "reminder"
    called = _called(gate, at, people, asker, *done) or mention_of_requester(run, gate.requirement)
    body = translate(
        key,
        who=called or approvers(people, ctx),
        needed=ctx.translator.count("approval.needed", max(gate.requirement.needed - len(done), 1)),
        action=action_name(run, ctx),
        target=target_name(run),
        until=ctx.translator.moment(gate.expires_at),
        approve=emoji(ctx.emoji.approve[0]),
        reject=emoji(ctx.emoji.reject[0]),
    )
    if gate.requirement.asks_for_signatures:
        body = join_lines((body, translate("reminder.signed", file=file_name(gate))))
    text = translate("reminder.notification", action=action_name(run, ctx), target=target_name(run), run=run.id)
    payload = {"run": run.id, "plan": gate.digest, "mark": at.isoformat(), "afterwards": gate.afterwards}
    return message(text, (section(body),), "countersign_reminder", payload, announced=not called)


def _called(gate: Gate, at: datetime, people: People, *without: str) -> Markup:
    """Mention the next ones of a long list; with the last reminder, everybody who has not decided."""
    if is_last(gate, at):
        return mentions_of_all(people, *without)
    return mentions_of_turn(people, number_of(gate, at), *without)


def turn_notice(run: Run, ctx: RenderContext) -> dict[str, Message]:
    """Build the notice to a requester whose queued run starts, by its slot; empty where it did not queue."""
    asker = run.request.origin.user
    is_turn = run.waited and run.state is not RunState.QUEUED and not run.ended
    if not is_turn or asker[:1] not in ("U", "W"):
        return {}
    translate = ctx.translator.translate
    words = {"action": Markup(action_name(run, ctx).lower()), "target": target_name(run)}
    body = translate("turn", who=markup.user(asker), **words)
    text = translate("turn.notification", run=run.id, **words)
    return {TURN: message(text, (section(body),), "countersign_turn", {"run": run.id})}
