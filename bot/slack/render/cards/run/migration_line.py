"""While the schema is changed: which migration runs now, and how long all of them took in the rehearsal."""

from __future__ import annotations

from bot.domain.runs.current_migration import migrating_now
from bot.domain.runs.plan import Plan
from bot.domain.runs.run import StepState
from bot.slack.render import markup
from bot.slack.render.cards.approval.evidence import findings_of, number
from bot.slack.render.context import RenderContext, StepView
from bot.slack.render.markup import Markup

_MAX_NAME = 90


def rehearsed_duration(step: StepView, plan: Plan | None, ctx: RenderContext) -> Markup:
    """Say how long the migrations took on the copy, beside the time that has passed; nothing where that says little."""
    if plan is None or not _changes_schema(step, plan):
        return Markup("")
    found = findings_of(plan, "rehearsal")
    facts = found[0].facts if found else {}
    if facts.get("outcome") != "ok" or facts.get("rows") == "none":
        return Markup("")
    return ctx.translator.translate(
        "progress.rehearsed", seconds=ctx.translator.duration(number(facts.get("seconds", "")))
    )


def migration_line(step: StepView, plan: Plan | None, ctx: RenderContext) -> Markup:
    """Say which migration runs now; nothing where the tool has not told."""
    if plan is None or step.state is not StepState.RUNNING or not _changes_schema(step, plan):
        return Markup("")
    now = next((found for row in step.rows if (found := migrating_now(plan.migrations, row.tail)) is not None), None)
    if now is None:
        return Markup("")
    took = next(
        (f.facts.get("seconds", "") for f in findings_of(plan, "migration") if f.facts.get("name") == now.name), ""
    )
    return ctx.translator.translate(
        "progress.migration",
        name=markup.clip(now.name, _MAX_NAME),
        n=str(now.number),
        all=str(len(plan.migrations)),
        seconds=ctx.translator.duration(number(took)) if took and rehearsed_duration(step, plan, ctx) else "",
    )


def _changes_schema(step: StepView, plan: Plan) -> bool:
    return any(planned.key == step.key and planned.schema for planned in plan.steps)
