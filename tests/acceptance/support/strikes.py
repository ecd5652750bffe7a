"""What can happen to a host and a bot in the middle of a step."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Awaitable, Callable

from bot.demo.host.host import DemoHost
from tests.acceptance.support.system import System

Strike = Callable[[System, DemoHost], Awaitable[None]]


async def step_killed(system: System, host: DemoHost) -> None:
    """End all that runs on the host, the shell that watches the step first."""
    for pid in host.left_processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def rebooted(system: System, host: DemoHost) -> None:
    """Pull the host's plug."""
    await host.reboot()


async def bot_killed(system: System, host: DemoHost) -> None:
    """Kill the bot; the step goes on."""
    await system.bot.kill()
    await system.bot.start()


async def both_killed(system: System, host: DemoHost) -> None:
    """Pull the plug of the host and of the bot."""
    await system.bot.kill()
    await host.reboot()
    await system.bot.start()


STRIKES: tuple[Strike, ...] = (step_killed, rebooted, bot_killed, both_killed)
