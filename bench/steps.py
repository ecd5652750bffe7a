"""What a step costs on a network: how often something goes there and back for ten steps that follow each other."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

import asyncssh

from bench.bot import CHANNEL, Bot, start_bot, start_hosts
from bench.checkout import copied, new_checkout
from bench.deploy import wire
from bench.report import Figure, Heading, Judgement, Missing, Report, Samples, reason, spread_of
from bench.size import Size
from bench.stand import app_section, host_section, write_steps_recipe
from bot.demo.host.host import DemoHost
from bot.demo.processes.process import temporary_folder

ROUNDS = {Size.FULL: 5, Size.SHORT: 2, Size.TINY: 1}
STEPS = 10
NEAR, FAR = 0, 80
"""Round-trip times in ms; what the far one takes longer, in its round trips, is what is judged."""

MOST = 2.0
STRETCH, SINGLE, EXECS, EXEC = (
    "ten steps between which nothing is decided",
    "ten steps, each judged before the next",
    "asyncssh: ten execs, one after another",
    "asyncssh: one exec of all ten",
)
_RISKS = {STRETCH: "changes", SINGLE: "destroys"}
Taken = dict[str, dict[int, list[float]]]


async def measure(size: Size) -> Report:
    """Run ten steps near and far in turns, over connections that are there, and ten commands by hand."""
    taken: Taken = {name: {NEAR: [], FAR: []} for name in (STRETCH, SINGLE, EXECS, EXEC)}
    missing: list[Missing] = []
    async with AsyncExitStack() as stack:
        folder = await stack.enter_async_context(temporary_folder("cs-"))
        [host] = await start_hosts(stack, folder, 1)
        ports = {rtt: await wire(stack, host.port, rtt) for rtt in (NEAR, FAR)}
        for port in ports.values():
            host.trust(port)
        bot = await _start(stack, folder, host, ports)
        connections = {rtt: await stack.enter_async_context(host.connect(port)) for rtt, port in ports.items()}
        for number in range(ROUNDS[size] + 1):
            for rtt in (NEAR, FAR) if number % 2 else (FAR, NEAR):
                for name in [name for name in taken if name not in {each.what for each in missing}]:
                    try:
                        seconds = await _take(name, bot, connections[rtt], rtt)
                    except Exception as error:
                        missing.append(Missing(name, reason(error)))
                        continue
                    if number:
                        taken[name][rtt].append(seconds)
    figures = [figure for name, seconds in taken.items() for figure in _figures(name, seconds)]
    return Report(
        f"Ten steps on one host, warm, back to back, at a round-trip time of {NEAR} and {FAR} ms", [*figures, *missing]
    )


def _figures(name: str, seconds: dict[int, list[float]]) -> list[Figure]:
    pairs = list(zip(seconds[NEAR], seconds[FAR], strict=False))
    if not pairs:
        return []
    trips = [(far - near) / FAR * 1000 for near, far in pairs]
    figures: list[Figure] = [
        Heading(name),
        Samples(f"RTT {NEAR} ms", [near * 1000 for near, _ in pairs], "ms"),
        Samples(f"RTT {FAR} ms", [far * 1000 for _, far in pairs], "ms"),
    ]
    if name == STRETCH:
        return [
            *figures,
            Judgement("a whole stretch of ten steps", median(trips), MOST, "RTT", f"({spread_of(trips)})"),
        ]
    return [*figures, Samples("round trips for all ten", trips, "RTT")]


async def _start(stack: AsyncExitStack, folder: Path, host: DemoHost, ports: dict[int, int]) -> Bot:
    checkout = await new_checkout(folder / "checkout")
    apps = {}
    for name, risk in _RISKS.items():
        recipe = write_steps_recipe(folder, STEPS, risk=risk)
        for rtt in ports:
            app = _app(name, rtt)
            apps[app] = app_section(recipe, [f"web{rtt}"], await copied(checkout, app), [CHANNEL])
    return await start_bot(stack, folder, {f"web{rtt}": host_section(host, port) for rtt, port in ports.items()}, apps)


async def _take(name: str, bot: Bot, connection: asyncssh.SSHClientConnection, rtt: int) -> float:
    if name in _RISKS:
        return (await bot.deploy(_app(name, rtt))).seconds
    began = time.perf_counter()
    for command in ["true"] * STEPS if name == EXECS else ["true; " * STEPS]:
        await connection.run(command, check=True)
    return time.perf_counter() - began


def _app(name: str, rtt: int) -> str:
    return f"{_RISKS[name]}{rtt}"
