"""Many open requests to approve under Slack's rate limits: their emojis, votes among them, and the bot at rest."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.apps import apps_on_one_host
from bench.bot import Bot, start_bot
from bench.outcomes import refused_calls
from bench.record import run_json
from bench.report import Figure, Judgement, Missing, Report, Samples, latencies, spread_of
from bench.size import Size
from bench.stand import APPROVED, ENGINEER, RELEASER, channel, channels
from bot.demo.processes.process import temporary_folder


@dataclass(frozen=True)
class _Amount:
    """How much is asked for.

    Args:
        requests: that are open at once.
        votes: given one after another.
        rest: seconds for which the bot is looked at when nothing is to be done.
    """

    requests: int
    votes: int
    rest: float


AMOUNT = {Size.FULL: _Amount(100, 40, 60), Size.SHORT: _Amount(50, 12, 20), Size.TINY: _Amount(3, 2, 2)}
CHANNELS = 10
MAX_FIRST, MAX_BOTH = 150.0, 270.0
"""Seconds from opening a hundred requests at once to the last one's first emoji, and to its second; fewer have less."""

MAX_DECIDED, MAX_SHOWN = 1.0, 3.0
MAX_IDLE_PERCENT = 3.0
_HUNDRED = 100
_BETWEEN_SECONDS = 5.0
"""From vote to vote: what a vote sets off needs about four edits, of which Slack allows 50 a minute."""

_SETTLING_SECONDS = 5.0
_PATIENCE = 900.0
_OPEN, _APPROVED = "open", "approved"


@dataclass
class _Request:
    """A request to approve as it was seen in Slack.

    Args:
        run: whose it is.
        channel: where it is.
        ts: of the message.
        seen: seconds at which it was first seen in a state, or with so many emojis of the bot.
    """

    run: str
    channel: str
    ts: str
    seen: dict[str | int, float] = field(default_factory=dict)


class _Watch:
    """Notes what happens to every request."""

    def __init__(self, bot: Bot) -> None:
        self.requests: dict[str, _Request] = {}
        self.changed = asyncio.Event()
        self._user = bot.playground.state.workspace.app.bot_user_id

    def note(self, message: dict[str, Any]) -> None:
        """Look at a new or changed message."""
        metadata = message.get("metadata") or {}
        if metadata.get("event_type") != "countersign_approval":
            return
        payload, now = metadata["event_payload"], time.time()
        run, ts = payload["run"], message["ts"]
        request = self.requests.setdefault(run, _Request(run, message["channel"], ts))
        request.seen.setdefault(payload["state"], now)
        for count in range(1, 1 + sum(self._user in each["users"] for each in message.get("reactions", []))):
            request.seen.setdefault(count, now)
        self.changed.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds.

        Raises:
            TimeoutError: it does not within fifteen minutes.
        """
        async with asyncio.timeout(_PATIENCE):
            while not holds():
                self.changed.clear()
                await self.changed.wait()

    async def all_seen(self, count: int, what: str | int) -> list[float]:
        """Wait until so many requests were seen so; give the times."""
        await self.until(lambda: sum(what in each.seen for each in self.requests.values()) >= count)
        return [each.seen[what] for each in self.requests.values()]


async def measure(size: Size) -> Report:
    """Open all requests at once, wait for their emojis, look at the bot at rest, and vote."""
    amount = AMOUNT[size]
    names = [channel(number) for number in range(CHANNELS)]
    async with AsyncExitStack() as stack:
        folder = await stack.enter_async_context(temporary_folder("cs-"))
        heard_in = {f"app{number}": names[number % CHANNELS] for number in range(amount.requests)}
        hosts, apps = await apps_on_one_host(stack, folder, {app: [name] for app, name in heard_in.items()})
        bot = await start_bot(stack, folder, hosts, apps, APPROVED, channels(CHANNELS))
        bot.playground.faults.rate_limits = True
        watch = _Watch(bot)
        watching = asyncio.create_task(_follow(bot, watch))
        try:
            figures = await _opened(bot, watch, heard_in)
            figures += await _voted(bot, watch, amount)
        finally:
            watching.cancel()
        refused = refused_calls(bot)
    return Report(
        f"{amount.requests} open requests over {CHANNELS} channels, Slack's rate limits on",
        [*figures, Judgement("answers of 429 in all", float(refused), 0.0)],
    )


async def _follow(bot: Bot, watch: _Watch) -> None:
    with bot.playground.state.changes.follow() as changes:
        while (change := await changes.get()) is not None:
            watch.note(change.data)


async def _opened(bot: Bot, watch: _Watch, heard_in: dict[str, str]) -> list[Figure]:
    count, actions = len(heard_in), bot.playground.client_actions
    began = time.time()
    await asyncio.gather(
        *(actions.command(ENGINEER, name, f"/deploy {app} production") for app, name in heard_in.items())
    )
    figures: list[Figure] = []
    for what, told, bound in (
        (_OPEN, "asked for approval", None),
        (1, "first emoji", MAX_FIRST),
        (2, "both emojis", MAX_BOTH),
    ):
        took = [at - began for at in await watch.all_seen(count, what)]
        figures.append(latencies(f"from opening all at once: {told}", took, "s"))
        if bound is not None:
            bound *= count / _HUNDRED
            figures.append(Judgement(f"{told}, the last of {count}", max(took), bound, "s", f"({spread_of(took)})"))
    return figures


async def _voted(bot: Bot, watch: _Watch, amount: _Amount) -> list[Figure]:
    await asyncio.sleep(_SETTLING_SECONDS)
    idle = await _idle_percent(bot, amount.rest)
    voted: dict[str, float] = {}
    for request in list(watch.requests.values())[: amount.votes]:
        voted[request.run] = time.time()
        bot.playground.client_actions.react(RELEASER, request.channel, request.ts, "white_check_mark")
        await asyncio.sleep(_BETWEEN_SECONDS)
    shown = [watch.requests[run].seen[_APPROVED] - at for run, at in voted.items() if await _shown(watch, run)]
    decided = [await _decided(bot, run) - at for run, at in voted.items()]
    figures: list[Figure] = [
        Samples("processor of the bot at rest", [idle], "%"),
        Judgement("processor of the bot at rest", idle, MAX_IDLE_PERCENT, "% of a core", f"(over {amount.rest:.0f} s)"),
    ]
    for what, seconds, bound in (("decided", decided, MAX_DECIDED), ("shown", shown, MAX_SHOWN)):
        if not seconds:
            figures.append(Missing(f"a vote is {what}", "none was seen"))
            continue
        samples = latencies(f"from the reaction until it is {what}", seconds, "s")
        figures += [
            samples,
            Judgement(f"a vote is {what}, p99", samples.percentile(99), bound, "s", f"({spread_of(seconds)})"),
        ]
    return figures


async def _shown(watch: _Watch, run: str) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE):
            await watch.until(lambda: _APPROVED in watch.requests[run].seen)
    except TimeoutError:
        return False
    return True


async def _decided(bot: Bot, run: str) -> float:
    """Give when the bot recorded the approval, in seconds since 1970."""
    history = (await run_json(run, bot.folder, bot.environment))["history"]
    [at] = [record["at"] for record in history if record["event"] == "gate_approved"]
    return datetime.fromisoformat(at).timestamp()


async def _idle_percent(bot: Bot, seconds: float) -> float:
    before, began = _processor_seconds(bot.program.pid), time.monotonic()
    await asyncio.sleep(seconds)
    return (_processor_seconds(bot.program.pid) - before) / (time.monotonic() - began) * 100


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
