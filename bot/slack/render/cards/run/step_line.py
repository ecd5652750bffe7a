"""What a run does now, in a line: which step of how many, for how long, how long still; and since when it is down."""

from __future__ import annotations

from bot.domain.runs.run import Run
from bot.slack.render import durations, markup
from bot.slack.render.context import RenderContext, StepView, current_step, down_since, is_before_change, step_views
from bot.slack.render.markup import Markup

_MAX_TITLE = 80


def step_line(run: Run, ctx: RenderContext) -> Markup:
    """Say which step of how many is going on, for how long, and how long it still takes."""
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
    """Say how long a step that runs still takes, or that it is late; nothing where its past does not tell."""
    usual = ctx.estimates.get(step.key)
    if usual is None or usual.seconds < 1:
        return Markup("")
    translate, elapsed = ctx.translator.translate, step.elapsed(ctx.now)
    if elapsed < usual.seconds:
        return translate("card.left", seconds=ctx.translator.duration(max(round(usual.seconds - elapsed), 1)))
    key = "card.late" if usual.is_late(elapsed) else "card.usual"
    return translate(key, usual=ctx.translator.duration(usual.seconds))


def down_for(run: Run, ctx: RenderContext) -> str:
    """Say for how long the site is down because of a run; empty where it is up."""
    since = down_since(run)
    return ctx.translator.duration(durations.between(since, ctx.now)) if since is not None else ""
