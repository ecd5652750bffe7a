"""How a rollback goes back, and why."""

from __future__ import annotations

from bot.domain.runs.findings import RollbackChoice, RollbackReason, RollbackWay, first_of
from bot.domain.runs.plan import Plan
from bot.slack.render.context import RenderContext
from bot.slack.render.markup import Markup
from bot.slack.render.message import join_lines

_BY_A_PERSON = frozenset({RollbackReason.ASKED, RollbackReason.DECIDED})


def rollback_choice(plan: Plan, ctx: RenderContext) -> Markup:
    """Render what a rollback goes back to, why, and how to ask for another way; empty for other plans."""
    finding = first_of(RollbackChoice, plan.findings)
    return Markup("") if finding is None else join_lines((rollback_way(plan, ctx), *_why(finding, plan, ctx)))


def rollback_way(plan: Plan, ctx: RenderContext) -> Markup:
    """Render what a rollback goes back to, in one line; empty for other plans."""
    finding = first_of(RollbackChoice, plan.findings)
    if finding is None:
        return Markup("")
    if finding.way is RollbackWay.CODE:
        return ctx.translator.translate("way.code")
    return ctx.translator.count(f"way.{finding.way.value}", len(plan.undo))


def _why(finding: RollbackChoice, plan: Plan, ctx: RenderContext) -> tuple[Markup, ...]:
    translate = ctx.translator.translate
    why = f"way.why.{finding.reason.value if finding.reason is not None else ''}"
    other = f"way.other.{finding.way.value}"
    asked = finding.reason in _BY_A_PERSON
    return (
        translate(why, what=", ".join(finding.what)) if ctx.translator.has(why) else Markup(""),
        translate(other, n=str(len(plan.undo))) if ctx.translator.has(other) and not asked else Markup(""),
    )
