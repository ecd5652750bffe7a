"""Fifty runs at once under Slack's rate limits, until the outcome of each is told: a channel each, and one for all."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from bench.apps import apps_on_one_host
from bench.bot import start_bot
from bench.outcomes import all_told, refused_calls
from bench.report import Figure, Heading, Judgement, Missing, Report, latencies, reason, spread_of
from bench.size import Size
from bench.stand import channel, channels
from bot.demo.processes.process import temporary_folder

EACH, ONE = "a channel each", "one channel"
RUNS = {
    Size.FULL: {EACH: 50, ONE: 50},
    Size.SHORT: {EACH: 50, ONE: 20},
    Size.TINY: {EACH: 2, ONE: 2},
}
MAX_SECONDS = {EACH: 25.0, ONE: 110.0}
"""For fifty runs; fewer have as much less."""

_FIFTY = 50
_SETTLING_SECONDS = 2.0


async def measure(size: Size) -> Report:
    """Ask for all of them together, first in a channel each and then all in one, each time of a new bot."""
    figures: list[Figure] = []
    for where, count in RUNS[size].items():
        figures.append(Heading(f"{count} runs, {where}"))
        try:
            figures += await _burst(where, count)
        except Exception as error:
            figures.append(Missing(f"{count} runs, {where}", reason(error)))
    return Report("Runs at once without a gate, Slack's rate limits on, until all outcomes are told", figures)


async def _burst(where: str, count: int) -> list[Figure]:
    async with AsyncExitStack() as stack:
        folder = await stack.enter_async_context(temporary_folder("cs-"))
        heard_in = {f"app{number}": channel(number if where == EACH else 0) for number in range(count)}
        hosts, apps = await apps_on_one_host(stack, folder, {app: [name] for app, name in heard_in.items()})
        bot = await start_bot(stack, folder, hosts, apps, content=channels(count))
        bot.playground.faults.rate_limits = True
        await asyncio.sleep(_SETTLING_SECONDS)
        told = await all_told(bot, list(heard_in.items()))
        refused = refused_calls(bot)
    bound = MAX_SECONDS[where] * count / _FIFTY
    return [
        latencies("from asking to each outcome", told, "s"),
        Judgement(f"{count} runs, {where}: all told", max(told), bound, "s", f"({spread_of(told)})"),
        Judgement(f"{count} runs, {where}: answers of 429", float(refused), 0.0),
    ]
