"""All messages that Slack should show for the snapshot of a run."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.inbox import CARD
from bot.domain.runs.plan_json import plan_digest
from bot.domain.runs.run import Run, RunState
from bot.slack.render.cards.approval.approval_card import approval_card
from bot.slack.render.cards.approval.ignored_votes import notices
from bot.slack.render.cards.approval.late_approval_card import afterwards_card
from bot.slack.render.cards.approval.plan_card import plan_card
from bot.slack.render.cards.approval.reminder_card import reminders, turn_notice
from bot.slack.render.cards.run.progress_card import progress_card
from bot.slack.render.cards.run.result_card import result_card
from bot.slack.render.cards.run.run_card import run_card
from bot.slack.render.cards.run.translated_run import translated_run
from bot.slack.render.context import RenderContext, is_dry_run
from bot.slack.render.message import Message

__all__ = ["APPROVAL", "CARD", "LOG", "PLAN", "PROGRESS", "RESULT", "plan_is_sealed", "render"]

PROGRESS = "progress"
PLAN = "plan"
APPROVAL = "approval"
RESULT = "result"
LOG = "log"


def render(run: Run, ctx: RenderContext) -> Mapping[str, Message]:
    """Build every message of a run.

    Args:
        run: its snapshot.
        ctx: the render context.

    Returns:
        The messages by slot, in the order in which they are posted; without the log, which is a file.
    """
    shown = translated_run(run, ctx)
    messages: dict[str, Message] = {CARD: run_card(shown, ctx)}
    messages.update(turn_notice(shown, ctx))
    if _has_begun(run):
        messages[PROGRESS] = progress_card(shown, ctx)
    if run.plan is not None and shown.plan is not None and plan_is_sealed(run):
        messages[PLAN] = plan_card(shown, shown.plan, plan_digest(run.plan), ctx)
    if shown.gate is not None and not shown.gate.requirement.needs_no_approval:
        card = afterwards_card if shown.gate.afterwards else approval_card
        messages[APPROVAL] = card(shown, shown.gate, ctx)
        messages.update(reminders(shown, shown.gate, ctx))
        messages.update(notices(shown, shown.gate, ctx))
    if run.ended or run.state is RunState.NEEDS_HUMAN:
        messages[RESULT] = result_card(shown, ctx)
    return messages


def plan_is_sealed(run: Run) -> bool:
    """Return whether the plan is sealed: it contains the findings of the prepare phase."""
    if run.plan is None:
        return False
    is_answer = run.nothing_to_do or (is_dry_run(run) and run.ended)
    return run.gate is not None or run.change_started_at is not None or is_answer


def _has_begun(run: Run) -> bool:
    return run.state is not RunState.QUEUED and (bool(run.steps) or not run.ended)
