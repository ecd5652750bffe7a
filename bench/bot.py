"""The bot with hosts of this machine, and what its steps took."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.deploy import find, followed
from bench.program import Running, running
from bench.record import run_json
from bench.stand import BOT, ENGINEER, UNASKED, slack_environment, workspace, write_fleet
from bot.demo.host.host import DemoHost
from bot.playground.server import RunningPlayground
from bot.playground.workspace.workspace import Workspace

CHANNEL = "C0OPS"
_AT_ONCE = 10
_PATIENCE = 300.0


@dataclass(frozen=True)
class Steps:
    """What the steps of a run took.

    Args:
        seconds: from the first one's start to the last one's end.
        count: how many there were, on all hosts.
    """

    seconds: float
    count: int


@dataclass(frozen=True)
class Bot:
    """The bot, as people start it.

    Args:
        program: its process.
        playground: its workspace.
        folder: in which it runs.
        environment: its variables.
    """

    program: Running
    playground: RunningPlayground
    folder: Path
    environment: Mapping[str, str]

    async def deploy(self, app: str) -> Steps:
        """Deploy without a gate; give what the steps took.

        Raises:
            RuntimeError: the run did not succeed.
        """
        async with followed(self.playground) as changes:
            await self.playground.client_actions.command(ENGINEER, CHANNEL, f"/deploy {app} production")
            result = await find(changes, "countersign_result", patience=_PATIENCE)
        payload = result["metadata"]["event_payload"]
        if payload["state"] != "succeeded":
            raise RuntimeError(f"the run ended {payload['state']}: {result['text']}")
        return steps_of(await run_json(payload["run"], self.folder, self.environment))


def steps_of(run: Mapping[str, Any]) -> Steps:
    """Read what the steps of a run took, from the JSON of `runs show`."""
    if run["nothing_to_do"]:
        raise RuntimeError("there was nothing to do")
    places = [place for step in run["steps"] for place in step["places"] if step["phase"] == "change"]
    started = min(datetime.fromisoformat(place["started_at"]) for place in places)
    ended = max(datetime.fromisoformat(place["ended_at"]) for place in places)
    return Steps((ended - started).total_seconds(), len(places))


async def start_hosts(stack: AsyncExitStack, folder: Path, count: int) -> list[DemoHost]:
    """Start SSH servers, each with a home of its own; nothing is recorded on them."""
    pace = asyncio.Semaphore(_AT_ONCE)

    async def start(number: int) -> DemoHost:
        async with pace:
            place = folder / f"host{number}"
            await asyncio.to_thread(place.mkdir)
            return await stack.enter_async_context(DemoHost(place, recorded=()))

    return list(await asyncio.gather(*(start(number) for number in range(count))))


async def start_bot(
    stack: AsyncExitStack,
    folder: Path,
    hosts: Mapping[str, Mapping[str, Any]],
    apps: Mapping[str, Any],
    policy: Mapping[str, Any] | None = None,
    content: Workspace | None = None,
) -> Bot:
    """Start the bot with hosts, apps and a policy without a gate.

    Args:
        stack: ends it.
        folder: gets its files.
        hosts: sections of the operations file.
        apps: sections of the operations file, all of them under the policy `bench`.
        policy: that policy, if it is another.
        content: of the workspace, if it is not the default one.
    """
    playground = await stack.enter_async_context(workspace(content))
    place = folder / "bot"
    await asyncio.to_thread(place.mkdir)
    ops_file = write_fleet(place, hosts, apps, UNASKED if policy is None else policy)
    environment = {**slack_environment(playground), "OPS_FILE": str(ops_file)}
    program = await stack.enter_async_context(running(BOT, place, environment))
    return Bot(program, playground, place, environment)
