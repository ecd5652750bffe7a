"""The migration that runs now, and how long the migrations took in the rehearsal."""

from __future__ import annotations

from bot.domain.runs.current_migration import find_current_migration
from bot.domain.runs.plan import Plan
from bot.domain.runs.run import StepState
from bot.slack.render import markup
from bot.slack.render.cards.approval.evidence import findings_of, number
from bot.slack.render.context import RenderContext, StepView
from bot.slack.render.markup import Markup

_MAX_NAME = 90


def rehearsed_duration(step: StepView, plan: Plan | None, ctx: RenderContext) -> Markup:
    """Render how long the migrations took in the rehearsal; empty where it did not succeed or had no rows."""
    if plan is None or not _changes_schema(step, plan):
        return Markup("")
    findings = findings_of(plan, "rehearsal")
    facts = findings[0].facts if findings else {}
    if facts.get("outcome") != "ok" or facts.get("rows") == "none":
        return Markup("")
    return ctx.translator.translate(
        "progress.rehearsed", seconds=ctx.translator.duration(number(facts.get("seconds", "")))
    )


def migration_line(step: StepView, plan: Plan | None, ctx: RenderContext) -> Markup:
    """Render which migration runs now; empty where the tool has not printed it."""
    if plan is None or step.state is not StepState.RUNNING or not _changes_schema(step, plan):
        return Markup("")
    migration = next(
        (current for row in step.rows if (current := find_current_migration(plan.migrations, row.tail)) is not None),
        None,
    )
    if migration is None:
        return Markup("")
    took = next(
        (f.facts.get("seconds", "") for f in findings_of(plan, "migration") if f.facts.get("name") == migration.name),
        "",
    )
    return ctx.translator.translate(
        "progress.migration",
        name=markup.clip(migration.name, _MAX_NAME),
        n=str(migration.number),
        all=str(len(plan.migrations)),
        seconds=ctx.translator.duration(number(took)) if took and rehearsed_duration(step, plan, ctx) else "",
    )


def _changes_schema(step: StepView, plan: Plan) -> bool:
    return any(planned.key == step.key and planned.schema for planned in plan.steps)
