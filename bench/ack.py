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
from bench.report import Judgement, Report, Samples
from bench.stand import BOT, bot_environment, slack_environment, workspace
from bot.playground.events.payloads import slash_command
from bot.playground.events.sockets import Outcome
from bot.playground.server import RunningPlayground
from bot.playground.workspace.default_workspace import default_workspace

ROUNDS = 16
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


async def measure() -> Report:
    """Measure the three apps in turns."""
    async with AsyncExitStack() as stack:
        subjects = await _start(stack)
        for subject in subjects:  # the first ones pay for imports and caches
            await subject.round(50, 2)
            subject.milliseconds[50].clear()
        for _ in range(ROUNDS):
            for in_flight, times in SAMPLES.items():
                for subject in subjects:
                    await subject.round(in_flight, times)
                    await asyncio.sleep(_BETWEEN_SECONDS)
    return Report("Slash command, from sending the envelope to receiving the acknowledgement", _lines(subjects))


def _lines(subjects: list[Subject]) -> list[str]:
    lines = []
    for in_flight in SAMPLES:
        seen = {each.name: Samples(each.name, each.milliseconds[in_flight], "ms") for each in subjects}
        lines.append(f" {in_flight} in flight")
        lines += [samples.latency_line() for samples in seen.values()]
        bare = seen[BARE].percentile(99)
        lines += [
            Judgement(f"p99 ratio, {name.partition(': ')[2]}", seen[name].percentile(99) / bare, 1.0).line()
            for name in (RECORDING, WHOLE)
        ]
    return lines


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
