"""The migration that runs now, and how long the migrations took in the rehearsal."""

from __future__ import annotations

from bot.domain.runs.current_migration import find_current_migration
from bot.domain.runs.findings import MigrationFinding, Rehearsed, RehearsedRows, first_of, those_of
from bot.domain.runs.plan import Plan
from bot.domain.runs.run import StepState
from bot.slack.render import markup
from bot.slack.render.context import RenderContext, StepView
from bot.slack.render.markup import Markup

_MAX_NAME = 90


def rehearsed_duration(step: StepView, plan: Plan | None, ctx: RenderContext) -> Markup:
    """Render how long the migrations took in the rehearsal; empty where it did not succeed or had no rows."""
    if plan is None or not _changes_schema(step, plan):
        return Markup("")
    found = first_of(Rehearsed, plan.findings)
    if found is None or found.rows is RehearsedRows.NONE:
        return Markup("")
    return ctx.translator.translate("progress.rehearsed", seconds=ctx.translator.duration(float(found.seconds or 0)))


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
    findings = those_of(MigrationFinding, plan.findings)
    took = next((found.seconds for found in findings if found.name == migration.name), None)
    return ctx.translator.translate(
        "progress.migration",
        name=markup.clip(migration.name, _MAX_NAME),
        n=str(migration.number),
        all=str(len(plan.migrations)),
        seconds=ctx.translator.duration(float(took))
        if took is not None and rehearsed_duration(step, plan, ctx)
        else "",
    )


def _changes_schema(step: StepView, plan: Plan) -> bool:
    return any(planned.key == step.key and planned.schema for planned in plan.steps)
