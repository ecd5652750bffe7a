"""How a rollback goes back, and why."""

from __future__ import annotations

from bot.domain.runs.plan import Finding, Plan
from bot.slack.render.context import RenderContext
from bot.slack.render.markup import Markup
from bot.slack.render.message import join_lines

KIND = "rollback"
"""The kind of finding that is rendered here (`commands.rollback_choice`)."""


def rollback_choice(plan: Plan, ctx: RenderContext) -> Markup:
    """Render what a rollback goes back to, why, and how to ask for another way; empty for other plans."""
    finding = next((finding for finding in plan.findings if finding.kind == KIND), None)
    return Markup("") if finding is None else join_lines((_where(finding, plan, ctx), *_why(finding, plan, ctx)))


def _where(finding: Finding, plan: Plan, ctx: RenderContext) -> Markup:
    count = len(plan.undo)
    where = finding.facts.get("way", "")
    return ctx.translator.count(f"way.{where}", count) if where != "code" else ctx.translator.translate("way.code")


def _why(finding: Finding, plan: Plan, ctx: RenderContext) -> tuple[Markup, ...]:
    translate = ctx.translator.translate
    why = f"way.why.{finding.facts.get('why', '')}"
    other = f"way.other.{finding.facts.get('way', '')}"
    asked = finding.facts.get("why") in {"asked", "decided"}
    return (
        translate(why, what=finding.facts.get("what", "")) if ctx.translator.has(why) else Markup(""),
        translate(other, n=str(len(plan.undo))) if ctx.translator.has(other) and not asked else Markup(""),
    )
