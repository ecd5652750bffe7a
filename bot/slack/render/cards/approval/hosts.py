"""What a plan says of its hosts: how the change goes from one to the next, and what they have before."""

from __future__ import annotations

from bot.domain.runs.findings import HostsDiffer
from bot.domain.runs.plan import Plan
from bot.slack.render import markup
from bot.slack.render.context import RenderContext, places
from bot.slack.render.markup import Markup

_MAX_CODE = 4


def batches_line(plan: Plan, ctx: RenderContext) -> Markup:
    """Render how the change goes from host to host; empty where all of them get it together."""
    divided = plan.batches
    if divided is None:
        return Markup("")
    return ctx.translator.count(
        "plan.batches",
        len(divided.hosts),
        size=str(max(map(len, divided.hosts))),
        first=places(divided.hosts[0]),
        pause=ctx.translator.duration(divided.pause) if divided.pause else "",
    )


def differing_code(found: HostsDiffer) -> Markup:
    """Render what is live on which hosts, three of each at most."""
    parts = (code.partition(" on ") for code in found.code[:_MAX_CODE])
    shown = [f"{markup.code(code)} ({places(tuple(hosts.split(', ')))})" for code, _, hosts in parts]
    more = f" +{len(found.code) - _MAX_CODE}" if len(found.code) > _MAX_CODE else ""
    return Markup(", ".join(shown) + more)
