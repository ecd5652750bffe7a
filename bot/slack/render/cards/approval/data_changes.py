"""What becomes of the rows of tables, by what the rehearsal did to them."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.runs.findings import RowsChanged, RowsCounted, those_of
from bot.domain.runs.plan import Plan
from bot.slack.render import markup
from bot.slack.render.context import RenderContext
from bot.slack.render.markup import Markup

_MAX_LINES = 8
_MAX_NAME = 64


def data_changes(plan: Plan, ctx: RenderContext) -> tuple[Markup, ...]:
    """Render how many rows would be deleted, changed and added, a line each: the gravest first."""
    found = sorted(those_of(RowsChanged, plan.findings), key=_gravity)
    return _shortened([line for each in found for line in _lines(each, ctx)], ctx)


def lost_rows(plan: Plan, ctx: RenderContext) -> tuple[Markup, ...]:
    """Render only what is deleted or changed, or of which that is not known."""
    found = sorted(those_of(RowsChanged, plan.findings), key=_gravity)
    return _shortened([line for each in found for line in _grave_lines(each, ctx)], ctx)


def _shortened(lines: list[Markup], ctx: RenderContext) -> tuple[Markup, ...]:
    rest = len(lines) - _MAX_LINES
    return (*lines[:_MAX_LINES], *([ctx.translator.count("plan.more", rest)] if rest > 0 else []))


def _gravity(found: RowsChanged) -> tuple[int, int, bool, str]:
    return (-(found.deleted or 0), -(found.changed or 0), not found.is_unknown, found.table)


def _lines(found: RowsChanged, ctx: RenderContext) -> Iterator[Markup]:
    yield from _grave_lines(found, ctx)
    if found.inserted:
        yield _count("inserted", found.inserted, found, ctx)


def _grave_lines(found: RowsChanged, ctx: RenderContext) -> Iterator[Markup]:
    counts = {"deleted": found.deleted, "changed": found.changed}
    for what, number in counts.items():
        if number:
            yield _count(what, number, found, ctx)
    unknown = [what for what, number in counts.items() if number is None]
    if unknown:
        key = unknown[0] if len(unknown) == 1 else "both"
        yield ctx.translator.translate(f"rows.unknown.{key}", table=_table(found))


def _count(what: str, number: int, found: RowsChanged, ctx: RenderContext) -> Markup:
    """Render a number of rows; of a sample it is said of how many, for the whole table may lose more."""
    sample = ctx.translator.number(found.before) if found.before is not None else ""
    key = f"rows.sample.{what}" if found.of is RowsCounted.SAMPLE else f"rows.{what}"
    return ctx.translator.count(key, number, rows=ctx.translator.number(number), table=_table(found), sample=sample)


def _table(found: RowsChanged) -> str:
    return markup.clip(found.table, _MAX_NAME)
