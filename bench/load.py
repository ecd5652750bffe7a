"""A minute of 200 slash commands and 500 reactions against the whole bot, with Slack's rate limits on."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from bench.program import running
from bench.report import Figure, Judgement, Note, Report, latencies, spread_of
from bench.size import Size
from bench.stand import BOT, bot_environment, workspace
from bot.playground.events.payloads import event_callback, reaction_event, slash_command
from bot.playground.events.sockets import Outcome
from bot.playground.server import RunningPlayground
from bot.playground.workspace.default_workspace import default_workspace

SECONDS = {Size.FULL: 60.0, Size.SHORT: 60.0, Size.TINY: 2.0}
COMMANDS = ("/ops", "status"), ("/ops", "help"), ("/deploy", "nosuch production"), ("/backup", "list nosuch production")
HOW_MANY = {"slash command": 200, "reaction": 500}
"""In a minute."""

_PATIENCE = 180.0

BOUND = 500.0
"""Milliseconds; Slack itself waits for 3 seconds."""


async def measure(size: Size) -> Report:
    """Send everything at random moments of one minute, and time each acknowledgement."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cs-load-")))
        playground = await stack.enter_async_context(workspace())
        await stack.enter_async_context(running(BOT, folder, bot_environment(playground, folder)))
        playground.faults.rate_limits = True
        load = _Load(playground, SECONDS[size])
        await load.run()
        answers = await load.answered()
    figures: list[Figure] = []
    for kind, milliseconds in load.milliseconds.items():
        seen = latencies(kind, milliseconds, "ms")
        figures.append(seen)
        figures.append(Judgement(f"p99, {kind}", seen.percentile(99), BOUND, "ms", f"({spread_of(milliseconds)})"))
    figures.append(Note(f"{answers} of {load.how_many['slash command']} commands were answered, each once"))
    return Report("200 slash commands and 500 reactions in a minute, to their acknowledgement", figures)


class _Load:
    def __init__(self, playground: RunningPlayground, seconds: float) -> None:
        self.milliseconds: dict[str, list[float]] = {kind: [] for kind in HOW_MANY}
        self._playground = playground
        self._seconds = seconds
        self.how_many = {kind: round(count * seconds / 60) for kind, count in HOW_MANY.items()}
        self._content = default_workspace()
        self._people = [person for person in self._content.people if not person.is_bot]
        self._chance = random.Random(7)

    async def run(self) -> None:
        """Send everything."""
        tasks = [
            self._at(self._chance.uniform(0, self._seconds), kind, number)
            for kind, count in self.how_many.items()
            for number in range(count)
        ]
        await asyncio.gather(*tasks)

    async def answered(self) -> int:
        """Wait for the answers, as long as Slack's limits may hold them up, and count them."""
        answers = self._playground.state.ephemerals
        deadline = time.monotonic() + _PATIENCE
        while len(answers) < self.how_many["slash command"] and time.monotonic() < deadline:  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.5)
        await asyncio.sleep(2)  # one too many would come now
        return len(answers)

    async def _at(self, moment: float, kind: str, number: int) -> None:
        await asyncio.sleep(moment)
        person = self._people[number % len(self._people)]
        command = kind == "slash command"
        envelope, payload = (
            ("slash_commands", self._command(person, number))
            if command
            else ("events_api", self._reaction(person, number))
        )
        began = time.perf_counter()
        delivery = await self._playground.sockets.deliver(envelope, payload, takes_response=command)
        took = (time.perf_counter() - began) * 1000
        if delivery.outcome is not Outcome.ACKED:
            raise RuntimeError(f"{kind}: {delivery.outcome.value}")
        self.milliseconds[kind].append(took)

    def _command(self, person: Any, number: int) -> dict[str, Any]:
        channel = self._content.channels[0]
        name, text = COMMANDS[number % len(COMMANDS)]
        trigger = self._playground.state.triggers.hand_out(person.id)
        url = f"{self._playground.url}nowhere"  # answered in the channel, where rate limits count
        return slash_command(self._content, person, (channel.id, channel.name), name, text, url, trigger)

    def _reaction(self, person: Any, number: int) -> dict[str, Any]:
        ts = self._playground.state.next_ts()
        kind = "reaction_added" if number % 3 else "reaction_removed"
        event = reaction_event(kind, person.id, "eyes", self._content.channels[0].id, ts, "U0COUNTER", ts)
        return event_callback(self._content, event)
