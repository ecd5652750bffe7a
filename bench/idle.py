"""Starting, and being there: seconds to `ready`, and resident memory when nothing is to be done."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from bench.program import running
from bench.report import Judgement, Report, Samples
from bench.stand import BOT, bot_environment, workspace

STARTS = 7
_SETTLING_SECONDS = 3.0
MOST_MIB = 120.0
MOST_SECONDS = 3.0


async def measure() -> Report:
    """Start the bot and a bare slack-bolt app in turns."""
    seen: dict[str, list[tuple[float, float]]] = {"countersign serve": [], "bare slack-bolt": []}
    for _ in range(STARTS):
        for (_name, samples), arguments in zip(seen.items(), (BOT, ("-m", "bench.ack_bare")), strict=True):
            samples.append(await _start(arguments))
    ours = seen["countersign serve"]
    seconds = [Samples(f"{name}: start to ready", [took for took, _ in each], "s") for name, each in seen.items()]
    memory = [Samples(f"{name}: resident, idle", [mib for _, mib in each], "MiB") for name, each in seen.items()]
    return Report(
        f"Start and idle memory, {len(ours)} starts each in turns",
        [
            *(samples.line() for samples in (*seconds, *memory)),
            f"  {'ratios to bare slack-bolt':<44} start {seconds[0].median / seconds[1].median:.2f}, "
            f"memory {memory[0].median / memory[1].median:.2f}",
            Judgement("start to ready, median", seconds[0].median, MOST_SECONDS, "s").line(),
            Judgement("idle memory, largest", max(memory[0].values), MOST_MIB, "MiB").line(),
        ],
    )


async def _start(arguments: tuple[str, ...]) -> tuple[float, float]:
    """Start it once; give the seconds to `ready`, and the resident memory in MiB some time after it."""
    with tempfile.TemporaryDirectory(prefix="cs-idle-") as folder:
        async with workspace() as playground:
            environment = bot_environment(playground, Path(folder))
            async with running(arguments, Path(folder), environment) as program:
                await asyncio.sleep(_SETTLING_SECONDS)
                return program.seconds, program.resident_mib()
