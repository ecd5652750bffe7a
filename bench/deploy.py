"""A deploy, from approval to its result, beside a shell script that does the same over `ssh`."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from bench.program import running
from bench.report import Curve, Figure, Heading, Missing, Report, Samples, ratio, reason
from bench.site import over_ssh, servers
from bench.size import Size
from bench.stand import BOT, slack_environment, workspace
from bot.demo.application.application import Application
from bot.demo.application.commits import CommitKind
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from bot.demo.host.tcp_proxy import TcpProxy
from bot.demo.host.web import WebServer
from bot.demo.processes.process import temporary_folder
from bot.playground.server import RunningPlayground
from tests.support import OPS_PASSWORD, operations, write_operations
from tests.support.template import Template

PAIRS = {Size.FULL: 6, Size.SHORT: 2, Size.TINY: 1}
"""At each round-trip time, beside one pair before all others that pays for cold caches."""

MAX_TIMES = {0: 1.15, 20: 1.3, 80: 1.5}
"""Round-trip time in ms → how many times as long as the script it may take, median of the pairs."""

_CHANNEL, _ENGINEER, _RELEASER = "C0OPS", "U0AMELIE", "U0BOB"
_SCRIPT = Path(__file__).with_name("deploy.sh")
OURS, THEIRS = "countersign, from approval to result", "ssh host bash deploy.sh"
PICTURE = "deploy"


@dataclass(frozen=True)
class Site:
    """An application that waits for its second commit.

    Args:
        application: on the host.
        web: serves it.
        name: in the operations file.
        host: port of the host, as far away as is measured.
        health_url: of the application, from as far away.
    """

    application: Application
    web: WebServer
    name: str
    host: int
    health_url: str


@dataclass
class _Taken:
    """Seconds that deploys took at one round-trip time."""

    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)


async def measure(size: Size) -> Report:
    """Deploy fresh copies of one application in turns, by the bot and by the script, from several distances."""
    async with AsyncExitStack() as stack:
        folder = await stack.enter_async_context(temporary_folder("cs-"))
        host, database = await servers(stack, folder)
        stand = await _Stand.make(stack, folder, host, database)
        pairs = {rtt: [(await stand.site(rtt), await stand.site(rtt)) for _ in range(PAIRS[size])] for rtt in MAX_TIMES}
        first = await stand.site(0), await stand.site(0)
        playground = await stack.enter_async_context(workspace())
        ops_file, secrets = _operations(folder, host, stand.sites)
        environment = {**slack_environment(playground), **secrets, "OPS_FILE": str(ops_file)}
        await stack.enter_async_context(running(BOT, folder, environment))
        await _pair(playground, host, first, _Taken(), 0)
        taken: dict[int, _Taken] = {}
        missing: list[Missing] = []
        for rtt, sites in pairs.items():
            try:
                taken[rtt] = _Taken()
                for turn, pair in enumerate(sites):
                    await _pair(playground, host, pair, taken[rtt], turn)
            except Exception as error:
                missing.append(Missing(f"a deploy at RTT {rtt} ms", reason(error)))
                if not taken[rtt].ours:
                    del taken[rtt]
    return Report(
        "A deploy with one migration: down, checkout, migrate, caches, restart, up, verify",
        [*_figures(taken), *missing],
    )


def _figures(taken: Mapping[int, _Taken]) -> list[Figure]:
    figures: list[Figure] = []
    for rtt, seconds in taken.items():
        figures += [
            Heading(f"round-trip time {rtt} ms"),
            Samples(THEIRS, seconds.theirs, "s"),
            Samples(OURS, seconds.ours, "s"),
            ratio(f"deploy / script, RTT {rtt} ms", seconds.ours, seconds.theirs, MAX_TIMES[rtt]),
        ]
    if taken:
        ours = [(rtt, median(seconds.ours)) for rtt, seconds in taken.items()]
        theirs = [(rtt, median(seconds.theirs)) for rtt, seconds in taken.items()]
        figures += [Curve(PICTURE, "countersign", ours), Curve(PICTURE, "ssh host bash deploy.sh", theirs)]
    return figures


async def _pair(
    playground: RunningPlayground, host: DemoHost, sites: tuple[Site, Site], taken: _Taken, turn: int
) -> None:
    """Deploy by the bot and by the script, each one first every other time; a pair counts whole or not at all."""
    site, other = sites
    if turn % 2:
        theirs = await _by_script(host, other)
        ours = await _by_bot(playground, site)
    else:
        ours = await _by_bot(playground, site)
        theirs = await _by_script(host, other)
    taken.ours.append(ours)
    taken.theirs.append(theirs)


class _Stand:
    """Makes sites at any distance from who operates them."""

    def __init__(
        self, stack: AsyncExitStack, host: DemoHost, server: DatabaseServer, template: Template, wires: dict[int, int]
    ) -> None:
        self.sites: list[Site] = []
        self._stack = stack
        self._host = host
        self._server = server
        self._template = template
        self._wires = wires

    @classmethod
    async def make(cls, stack: AsyncExitStack, folder: Path, host: DemoHost, server: DatabaseServer) -> _Stand:
        """Make the application that is copied, and a wire to the host for each distance."""
        (folder / "template").mkdir()
        template = await Template.make(folder / "template", host, server)
        wires = {}
        for rtt in MAX_TIMES:
            wires[rtt] = await wire(stack, host.port, rtt)
            host.trust(wires[rtt])
        return cls(stack, host, server, template, wires)

    async def site(self, rtt: int) -> Site:
        """Make a site whose host is so many milliseconds away."""
        number = len(self.sites) + 1
        database = await self._server.create(f"compte_{number}")
        folder = self._host.folder / "apps" / str(number)
        application = await self._template.copy(folder, self._host, database, self._server)
        await application.next_commit(CommitKind.TOKEN_ID)
        web = await self._stack.enter_async_context(WebServer(application.path, application.folder / "web.log"))
        parts = urlsplit(web.health_url)
        if parts.port is None:
            raise ValueError(f"no port: {web.health_url}")
        far = parts._replace(netloc=f"{parts.hostname}:{await wire(self._stack, parts.port, rtt)}")
        site = Site(application, web, f"compte{number}", self._wires[rtt], urlunsplit(far))
        self.sites.append(site)
        return site


async def wire(stack: AsyncExitStack, port: int, rtt: int) -> int:
    """Give a port that leads to another one, so many milliseconds there and back away; the bandwidth is not limited.

    A connection is made at once: what is counted is what is said over it.
    """
    proxy = await stack.enter_async_context(TcpProxy(port))
    proxy.latency = rtt / 2000
    return proxy.port


def _operations(folder: Path, host: DemoHost, sites: list[Site]) -> tuple[Path, dict[str, str]]:
    whole: dict[str, Any] = {}
    secrets = {}
    for site in sites:
        content = operations(host, site.application, health_url=site.health_url)
        app = content["apps"].pop("compte")
        variable = f"{OPS_PASSWORD}_{site.name.upper()}"
        production, name = app["environments"]["production"], f"web{site.host}"
        production["database"] |= {"password": f"${{{variable}}}", "via": name}
        production["hosts"] = [name]
        secrets[variable] = site.application.database.password
        whole = whole or {**content, "hosts": {}}
        whole["hosts"][name] = {**content["hosts"]["web1"], "port": site.host}
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
    took = await over_ssh(host, shlex.join(words), site.host)
    await _must_be_deployed(site)
    return took


async def _must_be_deployed(site: Site) -> None:
    if await site.application.head() != await site.application.tip() or site.application.is_down:
        raise RuntimeError(f"{site.name} was not deployed")
