"""Many runs at once, until the outcome of each is told in Slack."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from bench.bot import Bot
from bench.stand import ENGINEER

_PATIENCE = 600.0


async def all_told(bot: Bot, runs: Sequence[tuple[str, str]]) -> list[float]:
    """Ask for deploys together; give the seconds from there to the outcome of each, in the order they were told.

    Args:
        bot: that carries them out.
        runs: app, and channel in which it is asked for.

    Raises:
        RuntimeError: a run did not succeed.
        TimeoutError: an outcome was not told within ten minutes.
    """
    actions, told = bot.playground.client_actions, {}
    with bot.playground.state.changes.follow() as changes:
        began = time.perf_counter()
        asked = [
            asyncio.create_task(actions.command(ENGINEER, channel, f"/deploy {app} production"))
            for app, channel in runs
        ]
        async with asyncio.timeout(_PATIENCE):
            while len(told) < len(runs):
                change = await changes.get()
                metadata = (change.data.get("metadata") if change is not None else None) or {}
                if metadata.get("event_type") != "countersign_result":
                    continue
                payload = metadata["event_payload"]
                if payload["state"] != "succeeded":
                    raise RuntimeError(f"a run ended {payload['state']}")
                told.setdefault(payload["run"], time.perf_counter() - began)
        await asyncio.gather(*asked)
    return list(told.values())


def refused_calls(bot: Bot) -> int:
    """Count the calls of Slack's Web API that met a rate limit."""
    return sum(call.error == "ratelimited" for call in bot.playground.api.log)
