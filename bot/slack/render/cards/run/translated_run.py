"""A run as cards show it: secrets masked and titles of steps translated."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.runs.findings import Finding, Resumed, Unfinished, UsualSteps
from bot.domain.runs.plan import Plan, Skipped
from bot.domain.runs.run import Run
from bot.slack.render.cards.run.masked_run import masked_run
from bot.slack.render.context import RenderContext
from bot.slack.render.text import Translator


def translated_run(run: Run, ctx: RenderContext) -> Run:
    """Return a run with secrets masked and titles translated.

    Args:
        run: its snapshot.
        ctx: the render context.
    """
    masked, translator = masked_run(run, ctx.masker), ctx.translator
    return replace(
        masked,
        plan=_plan(masked.plan, translator) if masked.plan else None,
        steps=tuple(replace(row, title=translator.phrase(row.title)) for row in masked.steps),
    )


def _plan(plan: Plan, translator: Translator) -> Plan:
    return replace(
        plan,
        steps=tuple(replace(step, title=translator.phrase(step.title)) for step in plan.steps),
        skipped=tuple(_skipped(step, translator) for step in plan.skipped),
        findings=tuple(_finding(finding, translator) for finding in plan.findings),
    )


def _skipped(step: Skipped, translator: Translator) -> Skipped:
    why = "; ".join(map(translator.phrase, step.why.split("; ")))
    return replace(step, title=translator.phrase(step.title), why=why)


def _finding(finding: Finding, translator: Translator) -> Finding:
    if isinstance(finding, UsualSteps):
        added, left_out = (tuple(map(translator.phrase, titles)) for titles in (finding.added, finding.left_out))
        return replace(finding, added=added, left_out=left_out)
    if not isinstance(finding, Resumed | Unfinished):
        return finding
    return replace(finding, step=translator.phrase(finding.step))
