"""A warning about a backup that is much smaller than the one before it."""

from __future__ import annotations

from bot.domain.runs.run import Run
from bot.slack.render.context import RenderContext
from bot.slack.render.markup import Markup
from bot.slack.render.message import join_lines


def smaller_backup_warning(run: Run, ctx: RenderContext) -> Markup:
    """Render the warning that a backup of the run is much smaller than the one before; empty where none is.

    Args:
        run: its snapshot.
        ctx: the render context.
    """
    if run.plan is None:
        return Markup("")
    smaller = (row.facts for step in run.plan.steps for row in run.rows(step.key) if "previous" in row.facts)
    return join_lines(
        tuple(
            ctx.translator.translate(
                "backup.smaller",
                id=facts.get("backup", ""),
                size=ctx.translator.size(int(facts["bytes"])),
                previous=facts["previous"],
                before=ctx.translator.size(int(facts["previous_bytes"])),
            )
            for facts in smaller
        )
    )
