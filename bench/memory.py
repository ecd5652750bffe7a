"""The bot's memory while it carries out several hundred runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

from bench.apps import apps_on_one_host
from bench.bot import Bot, start_bot
from bench.outcomes import all_told
from bench.report import Figure, Judgement, Note, Report, Samples
from bench.size import Size
from bot.demo.processes.process import temporary_folder

RUNS = {Size.FULL: 300, Size.SHORT: 200, Size.TINY: 6}
EVERY = {Size.FULL: 50, Size.SHORT: 50, Size.TINY: 2}
FLAT_AFTER = {Size.FULL: 100, Size.SHORT: 100, Size.TINY: 2}
MAX_IDLE_MIB = 100.0
MAX_GROWTH_MIB = 2.0
"""Beyond which the memory is not flat any more; an allocator's own ups and downs are below."""

_TARGETS = 10
_SETTLING_SECONDS = 3.0


async def measure(size: Size) -> Report:
    """Carry out runs on ten targets at once, and look at the memory after every so many."""
    async with AsyncExitStack() as stack:
        folder = await stack.enter_async_context(temporary_folder("cs-"))
        hosts, apps = await apps_on_one_host(stack, folder, {f"app{number}": ("C0OPS",) for number in range(_TARGETS)})
        bot = await start_bot(stack, folder, hosts, apps)
        await asyncio.sleep(_SETTLING_SECONDS)
        seen = {0: bot.program.resident_mib()}
        for done in range(EVERY[size], RUNS[size] + 1, EVERY[size]):
            await _carry_out(bot, list(apps), EVERY[size])
            await asyncio.sleep(_SETTLING_SECONDS)
            seen[done] = bot.program.resident_mib()
    figures: list[Figure] = [Samples(f"after {count} runs", [mib], "MiB") for count, mib in seen.items()]
    last, flat = seen[max(seen)], seen[FLAT_AFTER[size]]
    return Report(
        f"Resident memory over {RUNS[size]} runs, {_TARGETS} at once",
        [
            *figures,
            Judgement("memory, idle, before any run", seen[0], MAX_IDLE_MIB, "MiB"),
            Judgement(f"memory, growth after {FLAT_AFTER[size]} runs", last - flat, MAX_GROWTH_MIB, "MiB"),
            Note(f"from {flat:.1f} MiB after {FLAT_AFTER[size]} runs to {last:.1f} MiB after {max(seen)}"),
        ],
    )


async def _carry_out(bot: Bot, apps: Sequence[str], count: int) -> None:
    for first in range(0, count, len(apps)):
        some = apps[: count - first]
        await all_told(bot, [(app, "C0OPS") for app in some])
