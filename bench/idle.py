"""Starting, and being there: seconds to `ready`, and resident memory when nothing is to be done."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from bench.program import running
from bench.report import Judgement, Note, Report, Samples, spread_of
from bench.size import Size
from bench.stand import BOT, bot_environment, workspace

STARTS = {Size.FULL: 7, Size.SHORT: 2, Size.TINY: 1}
_SETTLING_SECONDS = 3.0
MAX_MIB = 100.0
MAX_SECONDS = 3.0


FIRST, AGAIN, BARE = "countersign serve, new store", "countersign serve, again", "bare slack-bolt"
OURS = (FIRST, AGAIN)


async def measure(size: Size) -> Report:
    """Start the bot, with a new store and with the same once more, and a bare slack-bolt app, in turns."""
    seconds: dict[str, list[float]] = {name: [] for name in (FIRST, AGAIN, BARE)}
    memory: dict[str, list[float]] = {name: [] for name in (FIRST, AGAIN, BARE)}
    for _ in range(STARTS[size]):
        with tempfile.TemporaryDirectory(prefix="cs-idle-") as folder:
            for name in (FIRST, AGAIN, BARE):
                took, mib = await _start(("-m", "bench.ack_bare") if name == BARE else BOT, Path(folder))
                seconds[name].append(took)
                memory[name].append(mib)
    starts = {name: Samples(f"{name}: start to ready", values, "s") for name, values in seconds.items()}
    idle = {name: Samples(f"{name}: idle", values, "MiB") for name, values in memory.items()}
    ratios = (starts[AGAIN].median / starts[BARE].median, idle[AGAIN].median / idle[BARE].median)
    return Report(
        f"Start and idle memory, {STARTS[size]} starts each in turns",
        [
            *starts.values(),
            *idle.values(),
            Note(f"beside bare slack-bolt, again: start {ratios[0]:.2f} ×, memory {ratios[1]:.2f} ×"),
            *(
                Judgement(
                    f"start, median: {name}", starts[name].median, MAX_SECONDS, "s", f"({spread_of(seconds[name])})"
                )
                for name in OURS
            ),
            *(
                Judgement(f"memory, largest: {name}", max(memory[name]), MAX_MIB, "MiB", f"({spread_of(memory[name])})")
                for name in OURS
            ),
        ],
    )


async def _start(arguments: tuple[str, ...], folder: Path) -> tuple[float, float]:
    """Start it once; give the seconds to `ready`, and the resident memory in MiB some time after it."""
    async with workspace() as playground:
        environment = bot_environment(playground, folder)
        async with running(arguments, folder, environment) as program:
            await asyncio.sleep(_SETTLING_SECONDS)
            return program.seconds, program.resident_mib()
