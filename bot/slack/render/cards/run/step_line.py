"""The current step in a line: its number, elapsed time, estimate and downtime."""

from __future__ import annotations

from bot.domain.runs.run import Run
from bot.slack.render import durations, markup
from bot.slack.render.context import RenderContext, StepView, current_step, down_since, is_before_change, step_views
from bot.slack.render.markup import Markup

_MAX_TITLE = 80


def step_line(run: Run, ctx: RenderContext) -> Markup:
    """Render the current step with its number, elapsed time, estimate and downtime."""
    steps = step_views(run)
    step = current_step(steps)
    if step is None:
        return ctx.translator.translate("card.looking") if is_before_change(run) else Markup("")
    elapsed = step.elapsed(ctx.now)
    return ctx.translator.translate(
        "card.step",
        n=str(step.number),
        m=str(len(steps)),
        title=markup.clip(step.title, _MAX_TITLE),
        elapsed=ctx.translator.duration(elapsed) if elapsed >= 1 else "",
        left=time_left(step, ctx),
        down=down_for(run, ctx),
    )


def time_left(step: StepView, ctx: RenderContext) -> Markup:
    """Render how long the current step will still take, or that it is late; empty without an estimate."""
    usual = ctx.estimates.get(step.key)
    if usual is None or usual.seconds < 1:
        return Markup("")
    translate, elapsed = ctx.translator.translate, step.elapsed(ctx.now)
    if elapsed < usual.seconds:
        return translate("card.left", seconds=ctx.translator.duration(max(round(usual.seconds - elapsed), 1)))
    key = "card.late" if usual.is_late(elapsed) else "card.usual"
    return translate(key, usual=ctx.translator.duration(usual.seconds))


def down_for(run: Run, ctx: RenderContext) -> str:
    """Render for how long a run has kept the site down; empty where it is up."""
    since = down_since(run)
    return ctx.translator.duration(durations.between(since, ctx.now)) if since is not None else ""
