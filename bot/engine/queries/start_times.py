"""The instant that a request's `--at` comes to, by the clock, the person's time zone, the windows and the freezes."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.runs.request import DeployOptions, Request
from bot.domain.runs.start_time import ClockTime, StartTime, start_time
from bot.engine.context import EngineContext


async def with_start_time(context: EngineContext, request: Request) -> Request:
    """Give a request with the instant that its `--at` comes to, in the zone that was typed, else the person's in Slack.

    Args:
        context: the engine's ports.
        request: parsed.

    Raises:
        RefusedError: `no_window`.
    """
    options = request.options
    if not isinstance(options, DeployOptions) or options.at is None or isinstance(options.at, StartTime):
        return request
    target = context.operations.targets[request.target]
    zone = ""
    if isinstance(options.at, ClockTime) and not options.at.zone:
        zone = await context.directory.zone(request.origin.user)
    periods = (*target.windows, *target.policy.freezes)
    zone = zone or next((period.timezone for period in periods), "UTC")
    found = start_time(options.at, context.clock.now(), zone, target.windows, target.policy.freezes)
    return replace(request, options=replace(options, at=found))
