"""An application on a host of this machine, and asking that host over `ssh` as a person would."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from tests.support.template import Template


@dataclass(frozen=True)
class Site:
    """An application on a host.

    Args:
        host: on which it is.
        application: at its first commit.
    """

    host: DemoHost
    application: Application


async def servers(stack: AsyncExitStack, folder: Path) -> tuple[DemoHost, DatabaseServer]:
    """Start an SSH server and a database server; nothing is recorded, which would add to both sides."""
    for name in ("mariadb", "web1"):
        (folder / name).mkdir()
    database = await stack.enter_async_context(DatabaseServer(folder / "mariadb"))
    host = await stack.enter_async_context(DemoHost(folder / "web1", recorded=()))
    return host, database


async def new_site(folder: Path, host: DemoHost, server: DatabaseServer) -> Site:
    """Make an application."""
    (folder / "template").mkdir()
    template = await Template.make(folder / "template", host, server)
    database = await server.create("compte")
    return Site(host, await template.copy(host.folder / "apps" / "compte", host, database, server))


async def over_ssh(host: DemoHost, command: str, port: int | None = None) -> float:
    """Run a command over a connection of its own; give the seconds from starting `ssh` to its end.

    Args:
        host: on which it runs.
        command: for its shell.
        port: to connect to instead of the host's own, such as that of a wire.

    Raises:
        RuntimeError: it failed; with its output.
    """
    options = [
        *("-F", "none", "-i", str(host.key), "-p", str(port or host.port), "-l", host.user),
        *("-o", f"UserKnownHostsFile={host.known_hosts}", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"),
    ]
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        "ssh",
        *options,
        host.address,
        command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    took = time.perf_counter() - began
    if process.returncode != 0:
        raise RuntimeError(f"{command} ended with {process.returncode}: {output.decode(errors='replace')[-1000:]}")
    return took
