"""Ten steps on many hosts, beside what people would use to run ten commands there."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

from bench.bot import CHANNEL, Bot, start_bot, start_hosts
from bench.checkout import copied, new_checkout
from bench.peers.environment import peers_python
from bench.report import Curve, Figure, Heading, Missing, Report, Samples, ratio, reason
from bench.size import Size
from bench.stand import app_section, host_section, write_steps_recipe
from bot.demo.host.host import DemoHost
from bot.demo.processes.process import temporary_folder

HOSTS = {Size.FULL: (1, 10, 50, 100), Size.SHORT: (1, 10, 50), Size.TINY: (1, 2)}
ROUNDS = {Size.FULL: 3, Size.SHORT: 2, Size.TINY: 1}
STEPS = 10
OURS, BY_HAND = "countersign", "asyncssh by hand"
PEERS = {
    BY_HAND: "asyncssh_by_hand",
    "Fabric": "fabric_group",
    "parallel-ssh": "parallel_ssh",
    "pyinfra": "pyinfra_operations",
}
MAX_TIMES = {BY_HAND: 1.5, "Fabric": 1.0, "parallel-ssh": 1.0, "pyinfra": 1.0}
PICTURE = "hosts"
_SECONDS = 120.0
_SCRIPTS = Path(__file__).with_name("peers")
Taken = dict[str, list[float]]


async def measure(size: Size) -> Report:
    """Let each tool in turn do it, on one host and on more and more."""
    figures: list[Figure] = []
    seen: dict[int, Taken] = {}
    async with AsyncExitStack() as stack:
        folder = await stack.enter_async_context(temporary_folder("cs-"))
        tools = await _Tools.start(stack, folder, HOSTS[size])
        for name in tools.names:
            await tools.take(name, 1)  # compiles what is compiled once
        for count in HOSTS[size]:
            taken: Taken = {}
            await tools.take(OURS, count)  # makes the connections
            for number in range(ROUNDS[size]):
                for name in tools.names if number % 2 else reversed(tools.names):
                    took = await tools.take(name, count)
                    if took is not None:
                        taken.setdefault(name, []).append(took)
            seen[count] = taken
            figures += _figures(count, taken)
    curves = [
        Curve(PICTURE, name, [(count, median(taken[name])) for count, taken in seen.items() if name in taken])
        for name in (OURS, *PEERS)
        if any(name in taken for taken in seen.values())
    ]
    return Report(
        "Ten steps on hosts of this machine; countersign's from the first one's start to the last one's end, with its"
        " connections made, the others' with connecting and without starting their interpreter",
        [*figures, *curves, *tools.missing.values()],
    )


def _figures(count: int, taken: Taken) -> list[Figure]:
    figures: list[Figure] = [Heading(f"{count} hosts"), *(Samples(name, values, "s") for name, values in taken.items())]
    ours = taken.get(OURS, [])
    for name, bound in MAX_TIMES.items():
        theirs = taken.get(name, [])
        if ours and len(ours) == len(theirs):
            figures.append(ratio(f"{count} hosts: countersign / {name}", ours, theirs, bound))
    return figures


class _Tools:
    """The tools that can be tried; one that fails is not tried again, and is told."""

    def __init__(self, bot: Bot, hosts: Sequence[DemoHost], pythons: Mapping[str, str]) -> None:
        self.missing: dict[str, Missing] = {}
        self.names = [OURS, *PEERS]
        self._bot = bot
        self._hosts = hosts
        self._pythons = pythons

    @classmethod
    async def start(cls, stack: AsyncExitStack, folder: Path, counts: Sequence[int]) -> _Tools:
        """Start the hosts and the bot, and look which tools there are."""
        hosts = await start_hosts(stack, folder, max(counts))
        recipe = write_steps_recipe(folder, STEPS)
        checkout = await new_checkout(folder / "checkout")
        sections = {f"web{number}": host_section(host) for number, host in enumerate(hosts)}
        apps = {
            _app(count): app_section(recipe, list(sections)[:count], await copied(checkout, _app(count)), [CHANNEL])
            for count in {1, *counts}
        }
        bot = await start_bot(stack, folder, sections, apps)
        try:
            python, why = str(await peers_python()), ""
        except (RuntimeError, OSError) as error:
            python, why = "", reason(error)
        tools = cls(bot, hosts, {name: sys.executable if name == BY_HAND else python for name in PEERS})
        for name in PEERS if why else ():
            if name != BY_HAND:
                tools._lacks(name, why)
        return tools

    async def take(self, name: str, count: int) -> float | None:
        """Give the seconds that a tool takes on so many hosts; None if it cannot do it."""
        if name in self.missing:
            return None
        try:
            if name == OURS:
                return (await self._bot.deploy(_app(count))).seconds
            return await self._by_peer(name, count)
        except Exception as error:
            self._lacks(name, f"on {count} hosts: {reason(error)}")
            return None

    def _lacks(self, name: str, why: str) -> None:
        self.missing[name] = Missing(f"ten steps: {name}", why)

    async def _by_peer(self, name: str, count: int) -> float:
        hosts = json.dumps([host_section(host) for host in self._hosts[:count]])
        process = await asyncio.create_subprocess_exec(
            *(self._pythons[name], str(_SCRIPTS / f"{PEERS[name]}.py"), hosts),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(_SECONDS):
                output, errors = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise RuntimeError(f"it had not ended after {_SECONDS:.0f} s") from None
        if process.returncode != 0:
            last = errors.decode(errors="replace").strip().splitlines()[-1:]
            raise RuntimeError(f"it ended with {process.returncode}: {' '.join(last)}")
        return float(output.split()[-1])


def _app(count: int) -> str:
    return f"on{count}"
