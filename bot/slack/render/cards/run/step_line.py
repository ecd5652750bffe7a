"""The current step in a line: its number, elapsed time, and how long the run will still take."""

from __future__ import annotations

from bot.domain.runs.remaining import remaining
from bot.domain.runs.run import Run
from bot.slack.render import durations, markup
from bot.slack.render.cards.run.hosts_part import batch_line
from bot.slack.render.context import RenderContext, StepView, current_step, is_before_change, places, step_views
from bot.slack.render.markup import Markup
from bot.slack.render.message import join_dots

_MAX_TITLE = 80


def step_line(run: Run, ctx: RenderContext) -> Markup:
    """Render the current step with its number and elapsed time, and how long the run will still take.

    Between its hosts it is the batch that says how far a run is.
    """
    if batch := batch_line(run, ctx):
        return join_dots((batch, run_left(run, ctx)))
    steps = step_views(run)
    step = current_step(steps)
    if step is None:
        return ctx.translator.translate("card.looking") if is_before_change(run) else Markup("")
    elapsed = step.elapsed(ctx.now)
    lost = unreachable(step, ctx)
    return ctx.translator.translate(
        "card.step",
        n=str(step.number),
        m=str(len(steps)),
        title=markup.clip(step.title, _MAX_TITLE),
        elapsed=ctx.translator.duration(elapsed) if elapsed >= 1 else "",
        late=lost or late(step, ctx),
        left="" if lost else run_left(run, ctx) or _step_left(step, ctx),
    )


def unreachable(step: StepView, ctx: RenderContext) -> Markup:
    """Render which hosts of a step that runs there cannot be reached, and for how long; empty where they can."""
    lost = {row.place: row.unreachable_since for row in step.rows if row.unreachable_since is not None}
    if not lost:
        return Markup("")
    return ctx.translator.translate(
        "card.unreachable",
        hosts=places(tuple(lost)),
        seconds=_rounded(durations.between(min(lost.values()), ctx.now), ctx),
    )


def run_left(run: Run, ctx: RenderContext) -> Markup:
    """Render how long a run will still take, and until the site is back; empty where its steps have no past."""
    left = remaining(run, ctx.estimates, ctx.now)
    if left.whole is not None:
        back = _rounded(left.site_up, ctx) if left.site_up is not None else ""
        return ctx.translator.translate("card.left", seconds=_rounded(left.whole, ctx), back=back)
    return ctx.translator.translate("card.back", back=_rounded(left.site_up, ctx)) if left.site_up else Markup("")


def _step_left(step: StepView, ctx: RenderContext) -> Markup:
    usual = ctx.estimates.get(step.key)
    left = usual.seconds - step.elapsed(ctx.now) if usual is not None else 0
    return ctx.translator.translate("card.step_left", seconds=_rounded(left, ctx)) if left > 0 else Markup("")


def time_left(step: StepView, ctx: RenderContext) -> Markup:
    """Render how long a step that runs will still take, or that it is late; empty without an estimate."""
    usual = ctx.estimates.get(step.key)
    if usual is None:
        return Markup("")
    elapsed = step.elapsed(ctx.now)
    if elapsed < usual.seconds:
        return ctx.translator.translate("card.left", seconds=_rounded(usual.seconds - elapsed, ctx))
    return late(step, ctx) or ctx.translator.translate("card.usual", usual=ctx.translator.duration(usual.seconds))


def late(step: StepView, ctx: RenderContext) -> Markup:
    """Render that a step takes longer than it ever does; empty where it does not, or has no past."""
    usual, elapsed = ctx.estimates.get(step.key), step.elapsed(ctx.now)
    if usual is None or not usual.is_late(elapsed):
        return Markup("")
    return ctx.translator.translate("card.late", usual=ctx.translator.duration(usual.seconds))


def _rounded(seconds: float, ctx: RenderContext) -> Markup:
    return ctx.translator.duration(max(round(seconds), 1))
