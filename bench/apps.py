"""Many small apps on one host of this machine, each of which has something to deploy for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from bench.bot import start_hosts
from bench.checkout import copied, new_checkout
from bench.stand import app_section, host_section, write_steps_recipe


async def apps_on_one_host(
    stack: AsyncExitStack, folder: Path, channels: Mapping[str, Sequence[str]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Make a host and apps with one step each; give their sections of the operations file.

    Args:
        stack: ends the host.
        folder: gets the files.
        channels: where each app's commands are accepted, by its name.
    """
    [host] = await start_hosts(stack, folder, 1)
    recipe = write_steps_recipe(folder, 1)
    checkout = await new_checkout(folder / "checkout")
    apps = {name: app_section(recipe, ["web"], await copied(checkout, name), each) for name, each in channels.items()}
    return {"web": host_section(host)}, apps
