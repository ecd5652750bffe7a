"""Why a backup could not be proven where it lies, and what helps."""

from __future__ import annotations

from collections.abc import Mapping

from bot.slack.render import markup
from bot.slack.render.context import RenderContext
from bot.slack.render.markup import Markup
from bot.slack.render.message import join_dots

_MOST_LINES = 2
_LONGEST_DETAIL = 160


def unprovable(facts: Mapping[str, str], ctx: RenderContext) -> Markup:
    """Render why a backup could not be restored to prove it; empty where it was tried, or was not to be.

    Args:
        facts: of the step that proves it.
        ctx: how it is rendered.
    """
    key = f"obstacle.{facts.get('unprovable', '')}"
    if not ctx.translator.has(key):
        return Markup("")
    return ctx.translator.translate(
        "unprovable",
        obstacle=ctx.translator.translate(key),
        detail=markup.clip(ctx.translator.detail(facts.get("unprovable_detail", "")), _LONGEST_DETAIL),
        remedy=_remedy(facts.get("remedy", "").splitlines(), ctx),
    )


def _remedy(lines: list[str], ctx: RenderContext) -> Markup:
    if not lines:
        return Markup("")
    if len(lines) > _MOST_LINES:
        return ctx.translator.translate("unprovable.doctor")
    return ctx.translator.translate("unprovable.remedy", lines=join_dots(tuple(markup.code(line) for line in lines)))
