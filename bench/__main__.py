"""`python -m bench [NAME…]`: measure, and print what was seen."""

from __future__ import annotations

import argparse
import asyncio
import sys
import traceback
from collections.abc import Awaitable, Callable

from bench import ack, backups, deploy, home, idle, load, output, plan, status
from bench.report import Report
from bench.surroundings import surroundings

MEASUREMENTS: dict[str, Callable[[], Awaitable[Report]]] = {
    "ack": ack.measure,
    "deploy": deploy.measure,
    "status": status.measure,
    "plan": plan.measure,
    "output": output.measure,
    "idle": idle.measure,
    "backups": backups.measure,
    "restore": backups.measure_restore,
    "load": load.measure,
    "home": home.measure,
}


def main() -> int:
    """Run the measurements that were asked for.

    Returns:
        0; 1 where a measurement could not be made. A figure beyond its bound is a result like any other.
    """
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(MEASUREMENTS)}; all of them by default")
    names = parser.parse_args().names or list(MEASUREMENTS)
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"no measurement {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
    broken = []
    for name in names:
        print(f"{name}: measuring on {surroundings()}", flush=True)
        try:
            print(asyncio.run(MEASUREMENTS[name]()).text(), flush=True)
        except Exception:
            traceback.print_exc()
            broken.append(name)
    if broken:
        print(f"could not be measured: {', '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
