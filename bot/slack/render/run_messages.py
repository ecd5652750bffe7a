"""All messages that Slack should show for the snapshot of a run."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.inbox import CARD
from bot.domain.runs.plan_json import plan_digest
from bot.domain.runs.run import Run, RunState
from bot.slack.render.cards.approval.approval_card import approval_card, asked_again_card
from bot.slack.render.cards.approval.ignored_votes import notices
from bot.slack.render.cards.approval.late_approval_card import afterwards_card
from bot.slack.render.cards.approval.plan_card import plan_card
from bot.slack.render.cards.approval.reminder_card import reminders, turn_notice
from bot.slack.render.cards.run.progress_card import progress_card
from bot.slack.render.cards.run.result_card import result_card
from bot.slack.render.cards.run.run_card import run_card
from bot.slack.render.cards.run.translated_run import translated_run
from bot.slack.render.cards.run.watch_card import watch_messages
from bot.slack.render.context import RenderContext, is_dry_run
from bot.slack.render.message import Message

__all__ = [
    "APPROVAL",
    "CARD",
    "LOG",
    "PLAN",
    "PLAN_FILE",
    "PROGRESS",
    "RESULT",
    "approval_slot",
    "is_approval",
    "plan_file_slot",
    "plan_is_sealed",
    "plan_slot",
    "render",
]

PROGRESS = "progress"
PLAN = "plan"
APPROVAL = "approval"
RESULT = "result"
LOG = "log"
PLAN_FILE = "plan_file"


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
    if run.gate is not None:
        messages.update(
            (_numbered(APPROVAL, number), asked_again_card(run, passed, number, ctx))
            for number, passed in enumerate(run.gate.earlier, start=1)
            if passed.needed
        )
    if run.plan is not None and shown.plan is not None and plan_is_sealed(run):
        messages[plan_slot(run)] = plan_card(shown, shown.plan, plan_digest(run.plan), ctx)
    if shown.gate is not None and not shown.gate.requirement.needs_no_approval:
        card = afterwards_card if shown.gate.afterwards else approval_card
        messages[approval_slot(run)] = card(shown, shown.gate, ctx)
        messages.update(reminders(shown, shown.gate, ctx))
        messages.update(notices(shown, shown.gate, ctx))
    if run.ended or run.state is RunState.NEEDS_HUMAN:
        messages[RESULT] = result_card(shown, ctx)
        messages.update(watch_messages(shown, ctx))
    return messages


def approval_slot(run: Run) -> str:
    """Return the slot of the request to approve that counts."""
    return _numbered(APPROVAL, 1 + _earlier(run))


def plan_slot(run: Run) -> str:
    """Return the slot of the plan that counts; one that was approved before stays as it is."""
    return _numbered(PLAN, 1 + _earlier(run))


def plan_file_slot(run: Run) -> str:
    """Return the slot of the file that is signed."""
    return _numbered(PLAN_FILE, 1 + _earlier(run))


def is_approval(slot: str) -> bool:
    """Return whether a slot is that of a request to approve."""
    return slot.partition(":")[0] == APPROVAL


def _numbered(slot: str, number: int) -> str:
    return slot if number == 1 else f"{slot}:{number}"


def _earlier(run: Run) -> int:
    return len(run.gate.earlier) if run.gate is not None else 0


def plan_is_sealed(run: Run) -> bool:
    """Return whether the plan is sealed: it contains the findings of the prepare phase."""
    if run.plan is None:
        return False
    is_answer = run.nothing_to_do or (is_dry_run(run) and run.ended)
    return run.gate is not None or run.change_started_at is not None or is_answer


def _has_begun(run: Run) -> bool:
    waits = run.state is RunState.QUEUED and not run.waits_for_time
    return not waits and (bool(run.steps) or not run.ended)
