"""The buttons of the decisions that are legal for a run."""

from __future__ import annotations

from bot.domain.runs.decisions import legal_decisions, open_decisions
from bot.domain.runs.request import Decision
from bot.domain.runs.rollout_progress import is_partly_rolled_out
from bot.domain.runs.run import Run
from bot.slack.render.cards.run.run_card import DECISIONS, ROLLBACK
from bot.slack.render.context import RenderContext
from bot.slack.render.message import Block, button


def decision_buttons(run: Run, ctx: RenderContext) -> tuple[Block, ...]:
    """Build the buttons of the legal decisions; each leads to a plan of its own, with its own gate.

    A run that continued another one and changed nothing offers the decisions of the other.
    """
    legal, about = (legal_decisions(run), run.id) if not run.ended else (open_decisions(run), resumed_run(run))
    translate = ctx.translator.translate
    hosts = ".hosts" if is_about_hosts(run) else ""
    labels = {ROLLBACK: f"button.rollback{hosts}"}
    return tuple(
        button(name, translate(labels.get(name, f"button.{name.removeprefix('run_')}")), about or run.id)
        for name, decision in DECISIONS.items()
        if decision in legal
    )


def is_about_hosts(run: Run) -> bool:
    """Return whether a decision is about hosts of which some have the commit of a run and others do not."""
    going_on = run.ended and Decision.GO_ON in open_decisions(run)
    return going_on or is_partly_rolled_out(run)


def resumed_run(run: Run) -> str:
    """Return the ID of the run that it continues; empty where it was typed."""
    return run.request.resumes.run if run.request.resumes is not None else ""
