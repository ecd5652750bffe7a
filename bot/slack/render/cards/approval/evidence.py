"""The evidence about migrations: the risk and its reason, the schema's changes, the SQL."""

from __future__ import annotations

from bot.domain.runs.findings import (
    MigrationFinding,
    OldCode,
    SchemaChange,
    StatementFinding,
    destroys,
    is_unknown,
    those_of,
)
from bot.domain.runs.maintenance import planned_downtime
from bot.domain.runs.migration_risk import DownMethod, EffectKind, MigrationRisk
from bot.domain.runs.plan import Plan
from bot.slack.render import markup
from bot.slack.render.cards.approval.rehearsal import rehearsal_summary, rights_of_rehearsal
from bot.slack.render.context import RenderContext
from bot.slack.render.markup import Markup
from bot.slack.render.message import join_dots, join_lines

_RISKS = tuple(MigrationRisk)
"""Risks, the gravest last."""

_MAX_MIGRATIONS = 10
_MAX_LINES = 12
_MAX_STATEMENTS = 8
_SQL_CHARACTERS = 400
_SECTION = 2800


def headline(plan: Plan, ctx: RenderContext) -> Markup:
    """Render the gravest risk and the rehearsal in one line; empty where there is no evidence."""
    risk = _gravest(plan)
    if risk is None:
        return rehearsal_summary(plan, ctx)
    said = ctx.translator.translate(f"risk.{risk.value}")
    return join_dots((said, rehearsal_summary(plan, ctx), rights_of_rehearsal(plan, ctx)))


def _gravest(plan: Plan) -> MigrationRisk | None:
    risks = {found.risk for found in those_of(MigrationFinding, plan.findings)}
    risks |= {MigrationRisk.DESTRUCTIVE} if any(map(destroys, plan.findings)) else set()
    risks |= {MigrationRisk.UNKNOWN} if plan.migrations and any(map(is_unknown, plan.findings)) else set()
    return max(risks, key=_RISKS.index, default=None)


def migrations(plan: Plan, ctx: RenderContext) -> tuple[Markup, ...]:
    """Render each migration: its risk with its reason, its duration, whether it can be undone, and its SQL."""
    findings = those_of(MigrationFinding, plan.findings)
    told = _told(plan)
    shown = [
        markup.clip_markup(
            join_lines(
                (
                    _migration(finding, plan, ctx),
                    *(_statement(each, ctx) for each in told if each.migration == finding.name),
                )
            ),
            _SECTION,
        )
        for finding in findings[:_MAX_MIGRATIONS]
    ]
    rest = len(findings) - len(shown)
    return (*shown, *((ctx.translator.count("plan.more", rest),) if rest else ()))


def _told(plan: Plan) -> tuple[StatementFinding, ...]:
    return those_of(StatementFinding, plan.findings)[:_MAX_STATEMENTS]


def changes(plan: Plan, ctx: RenderContext) -> tuple[Markup, ...]:
    """Render the schema's changes as a diff, and those that break the code that is live now."""
    translate = ctx.translator.translate
    if plan.undo and planned_downtime(plan) is not None:
        return (schema_diff(plan),)  # the newer code does not run while its schema is undone
    breaks = [
        translate(
            "evidence.undo.old_code" if plan.undo else "evidence.old_code",
            what=finding.what,
            effect=_effect(finding.effect, ctx),
        )
        for finding in those_of(OldCode, plan.findings)[:_MAX_LINES]
    ]
    return (schema_diff(plan), *breaks)


def schema_diff(plan: Plan) -> Markup:
    """Render the changes of the tables, a line each; empty where there are none."""
    diff = [line for finding in those_of(SchemaChange, plan.findings) for line in finding.lines]
    shown = "\n".join(diff[:_MAX_LINES]) + (f"\n… {len(diff) - _MAX_LINES}" if len(diff) > _MAX_LINES else "")
    return markup.code_block(shown, _SECTION // 2) if diff else Markup("")


def other_statements(plan: Plan, ctx: RenderContext) -> Markup:
    """Render the SQL of migrations of which nothing else is known, and how much is left out."""
    judged = {finding.name for finding in those_of(MigrationFinding, plan.findings)[:_MAX_MIGRATIONS]}
    shown = [_statement(finding, ctx) for finding in _told(plan) if finding.migration not in judged]
    rest = len(those_of(StatementFinding, plan.findings)) - len(_told(plan))
    more = ctx.translator.count("evidence.more_sql", rest) if rest else Markup("")
    return markup.clip_markup(join_lines((*shown, more)), _SECTION)


def _migration(found: MigrationFinding, plan: Plan, ctx: RenderContext) -> Markup:
    translate = ctx.translator.translate
    why = translate(f"risk.why.{found.reason.value}", what=found.what) if found.reason is not None else ""
    took = ctx.translator.duration(float(found.seconds)) if found.seconds is not None else ""
    details = join_dots((translate("evidence.took", seconds=took) if took else "", _down(found, plan, ctx)))
    risk = translate(f"risk.{found.risk.value}")
    return join_lines(
        (
            Markup(f"• {markup.code(markup.clip(found.name, 120))}"),
            Markup(f"    {risk} — {why}" if why else f"    {risk}"),
            Markup(f"    {details}") if details else Markup(""),
        )
    )


def _down(found: MigrationFinding, plan: Plan, ctx: RenderContext) -> Markup:
    """Render whether a migration can be undone; empty where that says nothing."""
    if found.down is None:
        return Markup("")
    key = f"evidence.{'undo' if plan.undo else 'down'}.{found.down.value}"
    if destroys(found) and not plan.undo and found.down is DownMethod.YES:
        key = "evidence.down.without_data"
    return ctx.translator.translate(key) if ctx.translator.has(key) else Markup("")


def _statement(found: StatementFinding, ctx: RenderContext) -> Markup:
    translate = ctx.translator.translate
    about = join_dots(
        (
            markup.code(found.table) if found.table else "",
            ctx.translator.count("evidence.rows", found.rows, rows=ctx.translator.number(found.rows))
            if found.rows is not None
            else "",
            ctx.translator.size(found.bytes) if found.bytes is not None else "",
            translate("evidence.online", online=found.online.value) if found.online is not None else "",
            translate("evidence.writes_wait") if found.writes_wait else "",
            translate("evidence.destroys") if found.destroys else "",
            translate("evidence.times", n=ctx.translator.number(found.times))
            if found.times is not None and found.times > 1
            else "",
        )
    )
    sql = markup.code_block(markup.clip(found.sql, _SQL_CHARACTERS), _SQL_CHARACTERS + 20)
    return join_lines((about, sql))


def _effect(effect: EffectKind, ctx: RenderContext) -> Markup:
    key = f"effect.{effect.value}"
    return ctx.translator.translate(key) if ctx.translator.has(key) else markup.inline(effect.value)
