"""What is at stake, for the first lines of a request: what is destroyed, and what speaks against a decision."""

from __future__ import annotations

from bot.domain.runs.findings import (
    NothingLost,
    RecordedEffect,
    Resumed,
    RowsLost,
    StatementFinding,
    ValuesLost,
    first_of,
    those_of,
)
from bot.domain.runs.migration_risk import EffectKind
from bot.domain.runs.plan import Plan
from bot.slack.render import markup
from bot.slack.render.context import RenderContext
from bot.slack.render.markup import Markup
from bot.slack.render.text import PRESENT

_MAX_LINES = 4
_MAX_NAME = 90
_GONE = frozenset({EffectKind.TABLE_DROPPED, EffectKind.COLUMN_DROPPED, EffectKind.COLUMN_CUT})


def stakes(plan: Plan, ctx: RenderContext) -> tuple[Markup, ...]:
    """Render what a plan destroys, and what the bot sees that contradicts the decision behind it."""
    return (*_contradiction(plan, ctx), *_limited([*_lost(plan, ctx), *_dropped(plan, ctx)], ctx))


def marked_done_line(plan: Plan | None, ctx: RenderContext) -> Markup:
    """Render that a step was marked as done whose migrations the database does not know as done."""
    found = first_of(Resumed, plan.findings) if plan is not None else None
    if found is None or not found.not_done:
        return Markup("")
    return ctx.translator.translate("stakes.marked", names=_names(found.not_done, ctx), run=found.run)


def _contradiction(plan: Plan, ctx: RenderContext) -> tuple[Markup, ...]:
    found = first_of(Resumed, plan.findings)
    if found is None:
        return ()
    said = (("stakes.half", found.half), ("stakes.undone" if plan.undo else "stakes.not_done", found.not_done))
    return tuple(ctx.translator.translate(key, names=_names(names, ctx)) for key, names in said if names)


def _lost(plan: Plan, ctx: RenderContext) -> list[Markup]:
    """Render what undoing migrations loses."""
    translate = ctx.translator.translate
    rows = [
        translate("finding.loss", table=each.table, column=each.column, rows=ctx.translator.number(each.rows))
        for each in those_of(RowsLost, plan.findings)
    ]
    empty = [
        translate("finding.loss_nothing", table=each.table, column=each.column)
        for each in those_of(NothingLost, plan.findings)
    ]
    return [*rows, *empty]


def _dropped(plan: Plan, ctx: RenderContext) -> list[Markup]:
    """Render what migrations drop or cut, with the rows of its table as the server estimates them."""
    lines: dict[str, Markup] = {}
    counted = {(each.table, each.column): each for each in those_of(ValuesLost, plan.findings)}
    for statement in those_of(StatementFinding, plan.findings):
        for effect in statement.effects:
            if effect.kind in _GONE and effect.what:
                own = (effect.what, "") if effect.kind is EffectKind.TABLE_DROPPED else _column(effect.what, statement)
                lines[effect.what] = _gone(effect, statement, counted.get(own), ctx)
    return list(lines.values())


def _column(what: str, statement: StatementFinding) -> tuple[str, str]:
    return statement.table, what.removeprefix(f"{statement.table}.")


def _gone(effect: RecordedEffect, statement: StatementFinding, found: ValuesLost | None, ctx: RenderContext) -> Markup:
    """Render one thing that is dropped or cut, with what was counted of it, or what the server estimates."""
    key = f"stakes.{effect.kind.value}"
    if found is not None and found.values is not None and effect.kind is not EffectKind.COLUMN_CUT:
        of = ctx.translator.number(found.rows or 0)
        return ctx.translator.count(f"{key}.counted", found.values, what=effect.what, rows=of)
    rows = ctx.translator.number(statement.rows) if statement.rows is not None else ""
    uncounted = PRESENT if found is not None and effect.kind is not EffectKind.COLUMN_CUT else ""
    return ctx.translator.translate(key, what=effect.what, rows=rows, table=statement.table, uncounted=uncounted)


def _limited(lines: list[Markup], ctx: RenderContext) -> list[Markup]:
    rest = len(lines) - _MAX_LINES
    return [*lines[:_MAX_LINES], *([ctx.translator.count("plan.more", rest)] if rest > 0 else [])]


def _names(names: tuple[str, ...], ctx: RenderContext) -> Markup:
    shown = ", ".join(markup.code(markup.clip(name, _MAX_NAME)) for name in names[:3])
    return Markup(f"{shown} +{len(names) - 3}" if len(names) > 3 else shown)
