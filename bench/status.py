"""`/migrate-status`, from typing it to its answer, beside `ssh host php artisan migrate:status`; few and 2,000 ran."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from bench.program import running
from bench.report import Judgement, Report, Samples, ratio
from bench.site import Site, new_site, over_ssh, servers
from bench.size import Size
from bench.stand import BOT, slack_environment, workspace
from bot.databases.server.connector import Connector
from bot.databases.server.facts import DatabaseLook
from bot.demo.host.database import DatabaseServer
from bot.demo.processes.process import temporary_folder
from bot.domain.names import TargetName
from bot.domain.policies.policy import Policy
from bot.domain.secrets import Secret
from bot.domain.targets.target import Database, Target
from bot.hosts.connections import Connections as HostConnections
from bot.hosts.tunnels import Tunnels
from bot.playground.events.sockets import Outcome
from bot.playground.server import RunningPlayground
from tests.support import OPS_PASSWORD, operations, write_operations

ROUNDS = {Size.FULL: 20, Size.SHORT: 6, Size.TINY: 2}
MANY = 2000
MAX_SECONDS = 1.0
"""For the database's part of the answer, with so many migrations in its table."""

MAX_TIMES = 1.0
_CHANNEL, _ONCALL = "C0OPS", "U0ONCALL"
_Timed = Callable[[], Awaitable[float]]


async def measure(size: Size) -> Report:
    """Ask in turns; then, with many migrations in the table, once more, and the database alone."""
    async with AsyncExitStack() as stack:
        folder = await stack.enter_async_context(temporary_folder("cs-"))
        host, server = await servers(stack, folder)
        site = await new_site(folder, host, server)
        playground = await stack.enter_async_context(workspace())
        content = operations(host, site.application)
        environment = {
            **slack_environment(playground),
            OPS_PASSWORD: site.application.database.password,
            "OPS_FILE": str(write_operations(folder, content)),
        }
        await stack.enter_async_context(running(BOT, folder, environment))
        first: list[float] = []
        path = str(site.application.path)

        async def bot() -> float:
            acknowledged, answered = await _by_bot(playground)
            first.append(acknowledged)
            return answered

        async def script() -> float:
            return await over_ssh(host, f"cd {shlex.quote(path)} && php artisan migrate:status")

        ours, theirs = await _in_turns(bot, script, ROUNDS[size])
        acknowledged = first[1:]
        await _fill(server, site)
        ours_many, theirs_many = await _in_turns(bot, script, ROUNDS[size] // 2)
        at_the_database = await _at_the_database(site, ROUNDS[size])
    few, many = f"{len(ours)} rounds", f"with {MANY:,} in the table"
    return Report(
        f"Where the migrations stand, {few}, and {many}",
        [
            Samples("ssh host php artisan migrate:status", _ms(theirs), "ms"),
            Samples("countersign, the command is acknowledged", _ms(acknowledged), "ms"),
            Samples("countersign, the whole answer", _ms(ours), "ms"),
            ratio("ratio of the acknowledgement", acknowledged, theirs, MAX_TIMES),
            ratio("ratio of the whole answer", ours, theirs, MAX_TIMES),
            Samples(f"artisan, {many}", _ms(theirs_many), "ms"),
            Samples(f"countersign, {many}", _ms(ours_many), "ms"),
            ratio(f"ratio of the whole answer, {many}", ours_many, theirs_many, MAX_TIMES),
            Samples(f"the database's part, {many}", _ms(at_the_database), "ms"),
            Judgement("the database's part, slowest", max(at_the_database), MAX_SECONDS, "s"),
        ],
    )


def _ms(seconds: list[float]) -> list[float]:
    return [each * 1000 for each in seconds]


async def _in_turns(ours: _Timed, theirs: _Timed, rounds: int) -> tuple[list[float], list[float]]:
    """Measure both, each one first every other time. The first round pays for cold caches and does not count."""
    seen: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds + 1):
        order = ((0, ours), (1, theirs)) if turn % 2 else ((1, theirs), (0, ours))
        for side, timed in order:
            seen[side].append(await timed())
    return seen[0][1:], seen[1][1:]


async def _by_bot(playground: RunningPlayground) -> tuple[float, float]:
    """Ask through Slack; give the seconds to the acknowledgement, and to the answer that one person sees."""
    with playground.state.changes.follow() as changes:
        began = time.perf_counter()
        delivery = asyncio.create_task(
            playground.client_actions.command(_ONCALL, _CHANNEL, "/migrate-status compte production")
        )
        acknowledged = 0.0

        def note(_: object) -> None:
            nonlocal acknowledged
            acknowledged = time.perf_counter() - began

        delivery.add_done_callback(note)
        async with asyncio.timeout(60):
            while True:
                change = await changes.get()
                if change is not None and change.kind == "ephemeral":
                    answered = time.perf_counter() - began
                    break
        if (await delivery).outcome is not Outcome.ACKED:
            raise RuntimeError("the command was not acknowledged")
        if "schema" not in change.data["text"] and "migration" not in change.data["text"]:
            raise RuntimeError(f"not a status: {change.data['text']}")
    return acknowledged, answered


async def _fill(server: DatabaseServer, site: Site) -> None:
    await server.query(
        "INSERT INTO migrations (migration, batch) SELECT CONCAT('2020_01_01_', LPAD(seq, 6, '0'), '_of_the_past'), 1"
        f" FROM seq_1_to_{MANY}",
        database=site.application.database.name,
    )


async def _at_the_database(site: Site, rounds: int) -> list[float]:
    """Read what a status reads of the database, without SSH: it is on this machine."""
    made = site.application.database
    database = Database(None, made.host, made.port, made.name, made.user, Secret(made.password))
    policy = Policy("production", {}, {})
    path = str(site.application.path)
    target = Target(
        TargetName("compte", "production"), "laravel", (_CHANNEL,), policy, ("web1",), path, "main", database
    )
    seconds = []
    async with HostConnections({}) as hosts:
        look = DatabaseLook(Connector(Tunnels(hosts)))
        for _ in range(rounds):
            began = time.perf_counter()
            facts = await look.database(target, "migrations")
            seconds.append(time.perf_counter() - began)
            if len(facts.ran) < MANY:
                raise RuntimeError(f"only {len(facts.ran)} migrations were read")
    return seconds
