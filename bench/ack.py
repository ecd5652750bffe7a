"""From sending a slash command's envelope to receiving its acknowledgement."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.program import running
from bench.report import Figure, Heading, Judgement, Report, Samples, figure, latencies
from bench.size import Size
from bench.stand import BOT, bot_environment, slack_environment, workspace
from bot.playground.events.payloads import slash_command
from bot.playground.events.sockets import Outcome
from bot.playground.server import RunningPlayground
from bot.playground.workspace.default_workspace import default_workspace

ROUNDS = {Size.FULL: 16, Size.SHORT: 4, Size.TINY: 1}
SAMPLES = {1: 30, 50: 2}
"""Commands in flight → how often a round: one after another, or all sent together."""

_BETWEEN_SECONDS = 0.3
"""After which an app has done what it does after acknowledging, and is not in the way of what comes next."""

BARE, RECORDING, WHOLE = (
    "bare slack-bolt, only acks",
    "countersign: records, acks",
    "countersign: the whole bot, answering",
)


@dataclass
class Subject:
    """An app that is measured.

    Args:
        name: in the report.
        playground: its own workspace.
        milliseconds: seen so far, by how many were in flight.
    """

    name: str
    playground: RunningPlayground
    milliseconds: dict[int, list[float]] = field(default_factory=lambda: {count: [] for count in SAMPLES})

    async def command(self) -> float:
        """Send one slash command; give the milliseconds to its acknowledgement."""
        payload = self._payload()
        began = time.perf_counter()
        delivery = await self.playground.sockets.deliver("slash_commands", payload, takes_response=True)
        took = (time.perf_counter() - began) * 1000
        if delivery.outcome is not Outcome.ACKED:
            raise RuntimeError(f"{self.name}: {delivery.outcome.value}")
        return took

    async def round(self, in_flight: int, times: int) -> None:
        """Send so many commands together, so many times, each time when all before are acknowledged."""
        for _ in range(times):
            self.milliseconds[in_flight] += await asyncio.gather(*(self.command() for _ in range(in_flight)))
            if in_flight > 1:
                await asyncio.sleep(_BETWEEN_SECONDS)

    def _payload(self) -> dict[str, Any]:
        # An app that does not exist: the whole bot answers it at once, and starts no run.
        content, state = default_workspace(), self.playground.state
        person = next(person for person in content.people if not person.is_bot)
        channel = content.channels[0]
        trigger = state.triggers.hand_out(person.id)
        url = f"{self.playground.url}nowhere"
        return slash_command(content, person, (channel.id, channel.name), "/deploy", "nosuch production", url, trigger)


async def measure(size: Size) -> Report:
    """Measure the three apps in turns."""
    async with AsyncExitStack() as stack:
        subjects = await _start(stack)
        for subject in subjects:  # the first ones pay for imports and caches
            await subject.round(50, 2)
            subject.milliseconds[50].clear()
        for _ in range(ROUNDS[size]):
            for in_flight, times in SAMPLES.items():
                for subject in subjects:
                    await subject.round(in_flight, times)
                    await asyncio.sleep(_BETWEEN_SECONDS)
    return Report("Slash command, from sending the envelope to receiving the acknowledgement", _figures(subjects))


def _figures(subjects: list[Subject]) -> list[Figure]:
    figures: list[Figure] = []
    for in_flight in SAMPLES:
        seen = {each.name: latencies(each.name, each.milliseconds[in_flight], "ms") for each in subjects}
        figures += [Heading(f"{in_flight} in flight"), *seen.values()]
        figures += [
            _tail(f"p99, {in_flight} in flight, {name.partition(': ')[2]} / bare", seen[name], seen[BARE])
            for name in (RECORDING, WHOLE)
        ]
    return figures


def _tail(what: str, ours: Samples, theirs: Samples) -> Judgement:
    mine, other = ours.percentile(99), theirs.percentile(99)
    spread = f"({figure(mine)} / {figure(other)} ms; quartiles {ours.quartiles()} / {theirs.quartiles()})"
    return Judgement(what, mine / other, 1.0, "×", spread)


async def _start(stack: AsyncExitStack) -> list[Subject]:
    subjects = []
    for name in (BARE, RECORDING, WHOLE):
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cs-ack-")))
        playground = await stack.enter_async_context(workspace())
        if name == WHOLE:
            arguments, environment = BOT, bot_environment(playground, folder)
        else:
            module = "bench.ack_bare" if name == BARE else "bench.ack_recording"
            arguments, environment = ("-m", module), slack_environment(playground)
        await stack.enter_async_context(running(arguments, folder, environment))
        subjects.append(Subject(name, playground))
    return subjects
