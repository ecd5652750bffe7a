"""Who may approve and cannot be called, as they are not in the channel."""

from __future__ import annotations

from bot.slack.render.context import RenderContext
from bot.slack.render.markup import Markup

MAX_ABSENT = 5


def absent_line(ctx: RenderContext) -> Markup:
    """Name those who may approve and are not in the channel, without notifying them; empty where all are."""
    absent = sorted(ctx.absent)
    if not absent:
        return Markup("")
    named = Markup(", ".join(ctx.name(user) for user in absent[:MAX_ABSENT]))
    more = len(absent) - MAX_ABSENT
    return ctx.translator.translate("approval.absent", who=named, n=str(more) if more > 0 else "")
