"""The line that comes before everything else: a site is down, for how long, and who has to decide."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.policies.people import NOBODY, People
from bot.domain.runs.approval import GateState
from bot.domain.runs.estimate import StepEstimate
from bot.domain.runs.remaining import remaining
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.dashboard import Dashboard
from bot.domain.targets.outage import Outage
from bot.domain.targets.snapshot import TargetSnapshot
from bot.slack.render import durations
from bot.slack.render.cards.approval.people import approvers
from bot.slack.render.context import RenderContext, state_words, target_name
from bot.slack.render.markup import Markup
from bot.slack.render.message import join_dots


def outage_lines(dashboard: Dashboard, ctx: RenderContext) -> tuple[Markup, ...]:
    """Render a line for each site that is down, those that wait for somebody first."""
    waiting = {run.request.target: run for run in dashboard.waiting if _is_asked(run)}
    return tuple(
        outage_line(
            outage,
            ctx,
            deciders=dashboard.deciders.get(outage.run.id, NOBODY) if outage.run is not None else NOBODY,
            usual=dashboard.usual.get(outage.run.id, {}) if outage.run is not None else {},
            asked=waiting.get(outage.target),
        )
        for outage in dashboard.outages
    )


def outage_line(
    outage: Outage,
    ctx: RenderContext,
    *,
    deciders: People = NOBODY,
    usual: Mapping[str, StepEstimate] | None = None,
    asked: Run | None = None,
) -> Markup:
    """Render that a site is down, for how long, and what brings it up.

    Args:
        outage: as far as it is known.
        ctx: the render context.
        deciders: who may decide about the run that left it down.
        usual: how long the steps of the run usually take that has it down.
        asked: the run on the same target that waits for approval; None where none does.
    """
    at_work = Markup("")
    if outage.is_moving and outage.run is not None:
        at_work = ctx.translator.translate("outage.moving", run=outage.run.id)
    return join_dots(
        (_down(outage, ctx), _seen(outage, ctx), _way_up(outage, ctx, deciders, usual or {}, asked), at_work)
    )


def own_outage_line(outage: Outage, ctx: RenderContext) -> Markup:
    """Render on the card of the run that has a site down that it is, and what brings it up."""
    # The card of a run that waits is not written again until something happens: a length of time would stand still.
    down = _down(outage, ctx) if outage.is_moving else _is_down(outage, ctx, since=_since(outage, ctx))
    return join_dots((down, _way_up(outage, ctx, ctx.deciders, ctx.estimates, None)))


def _down(outage: Outage, ctx: RenderContext) -> Markup:
    down = durations.coarse(durations.between(outage.since, ctx.now)) if outage.since is not None else None
    return _is_down(outage, ctx, down=ctx.translator.duration(down) if down is not None else "")


def _since(outage: Outage, ctx: RenderContext) -> str:
    return ctx.translator.moment(outage.since) if outage.since is not None else ""


def _is_down(outage: Outage, ctx: RenderContext, **when: str) -> Markup:
    key = "outage" if outage.certain else "outage.unsure"
    return ctx.translator.translate(key, target=str(outage.target), **when)


def brought_up_line(run: Run, snapshot: TargetSnapshot | None, ctx: RenderContext) -> Markup:
    """Render that a person brought the site up again that a run left down, by the last look at the hosts."""
    if snapshot is None:
        return Markup("")
    when = ctx.translator.moment(snapshot.at)
    return ctx.translator.translate("outage.over", target=target_name(run), when=when)


def _seen(outage: Outage, ctx: RenderContext) -> Markup:
    """Render where a look found the site down that no run is known to have taken down."""
    if outage.seen_at is None or outage.run is not None:
        return Markup("")
    when = ctx.translator.moment(outage.seen_at)
    return ctx.translator.translate("outage.by_others", hosts=", ".join(outage.hosts), when=when)


def _way_up(
    outage: Outage, ctx: RenderContext, deciders: People, usual: Mapping[str, StepEstimate], asked: Run | None
) -> Markup:
    """Render who or what brings the site up."""
    translate, run = ctx.translator.translate, outage.run
    if run is None:
        return Markup("")
    if run.state is RunState.NEEDS_HUMAN:
        return translate("outage.decision", who=approvers(deciders, ctx))
    if outage.is_moving:
        left = remaining(run, usual, ctx.now).site_up
        return translate("outage.back", back=ctx.translator.duration(max(round(left), 1))) if left else Markup("")
    if asked is not None and asked.gate is not None:
        return translate("outage.approval", run=asked.id, who=approvers(asked.gate.requirement.people, ctx))
    return translate("outage.left", run=run.id, state=state_words(run, ctx))


def _is_asked(run: Run) -> bool:
    gate = run.gate
    return run.state is RunState.AWAITING_APPROVAL and gate is not None and gate.state is GateState.OPEN
