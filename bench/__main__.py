"""`python -m bench [NAME…]`: measure, print what was seen, and keep it; `--write` writes docs/performance.md of it."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import (
    ack,
    backups,
    burst,
    crowd,
    deploy,
    fanout,
    home,
    idle,
    load,
    memory,
    output,
    plan,
    status,
    steps,
)
from bench.page import write_page
from bench.program import ROOT
from bench.report import Missing, Report, reason
from bench.results import Result, read_results, write_results
from bench.size import Size
from bench.surroundings import load as load_average
from bench.surroundings import surroundings

RESULTS = ROOT / ".cache" / "bench" / "results.json"
Measure = Callable[[Size], Awaitable[Report]]
MEASUREMENTS: dict[str, Measure] = {
    "deploy": deploy.measure,
    "fanout": fanout.measure,
    "steps": steps.measure,
    "ack": ack.measure,
    "plan": plan.measure,
    "backups": backups.measure,
    "burst": burst.measure,
    "crowd": crowd.measure,
    "memory": memory.measure,
    "restore": backups.measure_restore,
    "status": status.measure,
    "idle": idle.measure,
    "load": load.measure,
    "output": output.measure,
    "home": home.measure,
}

WITHIN = {Size.FULL: 4 * 3600.0, Size.SHORT: 690.0, Size.TINY: 600.0}
"""Seconds for all measurements together; one that has not ended by then could not be made."""


def main() -> int:
    """Run the measurements that were asked for.

    Returns:
        0; 1 where something could not be measured. A figure beyond its bound is a result like any other.
    """
    arguments = _arguments()
    results = read_results(arguments.results)
    deadline = time.monotonic() + (arguments.within or WITHIN[arguments.size])
    missing: list[str] = []
    for name in arguments.names:
        result = measured(name, MEASUREMENTS[name], arguments.size, deadline - time.monotonic())
        missing += [f"{name}: {each.what}" for each in result.report.missing]
        results[name] = result
        results = {each: results[each] for each in MEASUREMENTS if each in results}
        write_results(arguments.results, results)
    if arguments.write:
        write_page(ROOT / "docs", list(results.values()))
    if missing:
        print(f"could not be measured: {', '.join(missing)}", file=sys.stderr)
    return 1 if missing else 0


def measured(name: str, measure: Measure, size: Size, seconds: float) -> Result:
    """Make one measurement and print it; one that cannot be made says why.

    Args:
        name: its name.
        measure: makes it.
        size: how much of it.
        seconds: that it may take; from 0 on downwards it is not begun.
    """
    before = surroundings()
    print(f"{name}: measuring on {before.text()}", flush=True)
    at, began = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    report = asyncio.run(_within(name, measure, size, seconds))
    result = Result(name, at, size, round(time.monotonic() - began, 1), before, load_average(), report)
    print(result.report.text(result.load), flush=True)
    return result


async def _within(name: str, measure: Measure, size: Size, seconds: float) -> Report:
    if seconds <= 0:
        return Report(name, [Missing(name, "no time was left for it")])
    try:
        async with asyncio.timeout(seconds) as limit:
            return await measure(size)
    except Exception as error:
        if limit.expired():
            return Report(name, [Missing(name, f"it had not ended after {seconds:.0f} s")])
        traceback.print_exc()
        return Report(name, [Missing(name, reason(error))])


def _arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(MEASUREMENTS)}; all of them by default")
    size = parser.add_mutually_exclusive_group()
    parser.set_defaults(size=Size.FULL)
    for each, about in ((Size.SHORT, "fewer samples: at most twelve minutes in all"), (Size.TINY, "only try it")):
        size.add_argument(f"--{each.value}", dest="size", action="store_const", const=each, help=about)
    parser.add_argument("--within", type=float, metavar="SECONDS", help="for all measurements together")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help="JSON; entries are replaced")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and what it shows")
    arguments = parser.parse_args(given)
    unknown = [name for name in arguments.names if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"no measurement {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
    arguments.names = arguments.names or list(MEASUREMENTS)
    return arguments


if __name__ == "__main__":
    sys.exit(main())
