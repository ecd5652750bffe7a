"""The button of the way back, on the outcome of a deploy and where its watch crossed the line."""

from __future__ import annotations

from bot.domain.runs.decisions import waits_for_decision
from bot.domain.runs.maintenance import site_is_down
from bot.domain.runs.request import Action
from bot.domain.runs.run import Run
from bot.slack.render.cards.run.run_card import ROLLBACK
from bot.slack.render.context import RenderContext, changed_anything
from bot.slack.render.message import Block, button


def rollback_button(run: Run, ctx: RenderContext) -> Block | None:
    """Build the rollback button after a deploy that changed something; its plan determines what it goes back to."""
    moved = run.request.action is Action.DEPLOY and changed_anything(run) and run.ended
    if not moved or site_is_down(run) or waits_for_decision(run):
        return None
    return button(ROLLBACK, ctx.translator.translate("button.rollback"), run.id)
