"""A run as cards show it: without secrets, and with its steps called as the language calls them."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.runs.plan import Finding, Plan, Skipped
from bot.domain.runs.run import Run
from bot.slack.render.cards.run.masked_run import masked_run
from bot.slack.render.context import Scene
from bot.slack.render.text import Sentences


def shown_run(run: Run, scene: Scene) -> Run:
    """Give a run as it may be shown.

    Args:
        run: as it is remembered.
        scene: with the masker and the sentences.
    """
    masked, sentences = masked_run(run, scene.masker), scene.sentences
    return replace(
        masked,
        plan=_plan(masked.plan, sentences) if masked.plan else None,
        steps=tuple(replace(row, title=sentences.phrase(row.title)) for row in masked.steps),
    )


def _plan(plan: Plan, sentences: Sentences) -> Plan:
    return replace(
        plan,
        steps=tuple(replace(step, title=sentences.phrase(step.title)) for step in plan.steps),
        skipped=tuple(_skipped(step, sentences) for step in plan.skipped),
        findings=tuple(_finding(finding, sentences) for finding in plan.findings),
    )


def _skipped(step: Skipped, sentences: Sentences) -> Skipped:
    why = "; ".join(map(sentences.phrase, step.why.split("; ")))
    return replace(step, title=sentences.phrase(step.title), why=why)


def _finding(finding: Finding, sentences: Sentences) -> Finding:
    if "step" not in finding.facts:
        return finding
    return replace(finding, facts={**finding.facts, "step": sentences.phrase(finding.facts["step"])})
