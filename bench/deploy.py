"""A deploy, from approval to its result, beside a shell script that does the same over `ssh`."""

from __future__ import annotations

import asyncio
import itertools
import shlex
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.program import running
from bench.report import Report, Samples, ratio
from bench.site import over_ssh, servers
from bench.stand import BOT, slack_environment, workspace
from bot.demo.application.application import Application
from bot.demo.application.commits import CommitKind
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from bot.demo.host.web import WebServer
from bot.demo.processes.process import temporary_folder
from bot.playground.server import RunningPlayground
from tests.support import OPS_PASSWORD, operations, write_operations
from tests.support.template import Template

PAIRS = 6
MAX_TIMES = 1.25
_CHANNEL, _ENGINEER, _RELEASER = "C0OPS", "U0AMELIE", "U0BOB"
_SCRIPT = Path(__file__).with_name("deploy.sh")


@dataclass(frozen=True)
class Site:
    """An application that waits for its second commit.

    Args:
        application: on the host.
        web: serves it.
        name: in the operations file.
    """

    application: Application
    web: WebServer
    name: str


async def measure() -> Report:
    """Deploy fresh copies of one application in turns, by the bot and by the script."""
    async with AsyncExitStack() as stack:
        folder = await stack.enter_async_context(temporary_folder("cs-"))
        host, database = await servers(stack, folder)
        sites = await _sites(stack, folder, host, database)
        playground = await stack.enter_async_context(workspace())
        ops_file, secrets = _operations(folder, host, [site for pair in sites for site in pair])
        environment = {**slack_environment(playground), **secrets, "OPS_FILE": str(ops_file)}
        await stack.enter_async_context(running(BOT, folder, environment))
        ours, theirs = [], []
        for turn, (site, other) in enumerate(sites):
            if turn % 2:
                theirs.append(await _by_script(host, other))
                ours.append(await _by_bot(playground, site))
            else:
                ours.append(await _by_bot(playground, site))
                theirs.append(await _by_script(host, other))
    # The first pair pays for cold caches.
    ours, theirs = ours[1:], theirs[1:]
    return Report(
        "A deploy with one migration: down, checkout, migrate, caches, restart, up, verify",
        [
            Samples("ssh host bash deploy.sh", theirs, "s").line(),
            Samples("countersign, from approval to result", ours, "s").line(),
            ratio("ratio, median of the pairs", ours, theirs, MAX_TIMES).line(),
        ],
    )


async def _sites(
    stack: AsyncExitStack, folder: Path, host: DemoHost, server: DatabaseServer
) -> list[tuple[Site, Site]]:
    (folder / "template").mkdir()
    template = await Template.make(folder / "template", host, server)
    numbers = itertools.count(1)

    async def site() -> Site:
        number = next(numbers)
        database = await server.create(f"compte_{number}")
        application = await template.copy(host.folder / "apps" / str(number), host, database, server)
        await application.next_commit(CommitKind.TOKEN_ID)
        web = await stack.enter_async_context(WebServer(application.path, application.folder / "web.log"))
        return Site(application, web, f"compte{number}")

    return [(await site(), await site()) for _ in range(PAIRS + 1)]


def _operations(folder: Path, host: DemoHost, sites: list[Site]) -> tuple[Path, dict[str, str]]:
    whole: dict[str, Any] = {}
    secrets = {}
    for site in sites:
        content = operations(host, site.application, health_url=site.web.health_url)
        app = content["apps"].pop("compte")
        variable = f"{OPS_PASSWORD}_{site.name.upper()}"
        app["environments"]["production"]["database"]["password"] = f"${{{variable}}}"
        secrets[variable] = site.application.database.password
        whole = whole or content
        whole["apps"][site.name] = app
    return write_operations(folder, whole), secrets


async def _by_bot(playground: RunningPlayground, site: Site) -> float:
    """Deploy through Slack; give the seconds from the approving reaction to the result in the thread."""
    async with followed(playground) as messages:
        delivery = asyncio.create_task(
            playground.client_actions.command(_ENGINEER, _CHANNEL, f"/deploy {site.name} production")
        )
        request = await find(messages, "countersign_approval", "open")
        await delivery
        await asyncio.sleep(2)  # until the bot has posted the request
        began = time.perf_counter()
        playground.client_actions.react(_RELEASER, _CHANNEL, request["ts"], "white_check_mark")
        result = await find(messages, "countersign_result")
        took = time.perf_counter() - began
    state = result["metadata"]["event_payload"]["state"]
    if state != "succeeded":
        raise RuntimeError(f"the run ended {state}: {result['text']}")
    await _must_be_deployed(site)
    await asyncio.sleep(1.5)  # the log is uploaded, the card edited
    return took


@asynccontextmanager
async def followed(playground: RunningPlayground) -> AsyncIterator[asyncio.Queue[Any]]:
    """Give what changes in the workspace from now on."""
    with playground.state.changes.follow() as changes:
        yield changes


async def find(
    changes: asyncio.Queue[Any], event_type: str, state: str = "", patience: float = 120
) -> Mapping[str, Any]:
    """Wait for a message of the bot, new or edited."""
    async with asyncio.timeout(patience):
        while True:
            change = await changes.get()
            message = change.data.get("message", change.data)
            metadata = message.get("metadata") or {}
            payload = metadata.get("event_payload", {})
            if metadata.get("event_type") == "countersign_result" != event_type:
                raise RuntimeError(f"the run ended {payload.get('state')} early: {message.get('text')}")
            if metadata.get("event_type") == event_type and (not state or payload.get("state") == state):
                return dict(message)


async def _by_script(host: DemoHost, site: Site) -> float:
    """Deploy with the script; give the seconds from starting `ssh` to its end. The fetch is done before."""
    application = site.application
    await application.run("git", "fetch", "--quiet", "origin")
    script = host.home / "deploy.sh"
    script.write_text(_SCRIPT.read_text())
    words = ["bash", "deploy.sh", str(application.path), await application.tip(), "php8.2-fpm", site.web.health_url]
    took = await over_ssh(host, shlex.join(words))
    await _must_be_deployed(site)
    return took


async def _must_be_deployed(site: Site) -> None:
    if await site.application.head() != await site.application.tip() or site.application.is_down:
        raise RuntimeError(f"{site.name} was not deployed")
