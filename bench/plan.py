"""A plan with evidence on many pending migrations, and its rehearsal beside one run of them all by artisan."""

from __future__ import annotations

import asyncio
import shlex
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.deploy import find, followed
from bench.program import running
from bench.report import Judgement, Report, Samples, ratio, spread_of
from bench.site import Site, new_site, over_ssh, servers
from bench.size import Size
from bench.stand import BOT, slack_environment, workspace
from bot.demo.application.git import git
from bot.demo.processes.process import temporary_folder
from bot.playground.client.snapshot import snapshot
from bot.playground.server import RunningPlayground
from tests.support import OPS_PASSWORD, operations, write_operations
from tests.support.operations import PRODUCTION

ROUNDS = {Size.FULL: 3, Size.SHORT: 2, Size.TINY: 1}
PENDING = {Size.FULL: 50, Size.SHORT: 50, Size.TINY: 3}
_CHANNEL, _ENGINEER, _RELEASER = "C0OPS", "U0AMELIE", "U0BOB"


async def measure(size: Size) -> Report:
    """Plan the same deploy several times; each one is rejected at its gate, and so every plan is made anew."""
    async with AsyncExitStack() as stack:
        folder = await stack.enter_async_context(temporary_folder("cs-"))
        host, server = await servers(stack, folder)
        site = await new_site(folder, host, server)
        await _push_pending(site, PENDING[size])
        playground = await stack.enter_async_context(workspace())
        policy: dict[str, Any] = {**PRODUCTION, "backup_before": {}}
        environment = {
            **slack_environment(playground),
            OPS_PASSWORD: site.application.database.password,
            "OPS_FILE": str(write_operations(folder, operations(host, site.application, policy=policy))),
        }
        await stack.enter_async_context(running(BOT, folder, environment))
        ours, theirs, forward, fixed = [], [], [], []
        for _ in range(ROUNDS[size]):
            ours.append(await _by_bot(playground, PENDING[size]))
            rehearsal = _rehearsal(folder)
            forward.append(rehearsal.forward)
            fixed.append(rehearsal.fixed)
            theirs.append(await _by_artisan(site))
    return Report(
        f"A plan with evidence, {PENDING[size]} pending migrations, all run in a sandbox",
        [
            Samples("ssh host php artisan migrate", theirs, "s"),
            Samples("rehearsal: run, read what came of it, classes", forward, "s"),
            Samples("rehearsal: server, rows, files, configuration", fixed, "s"),
            Samples("countersign, from asking to the gate", ours, "s"),
            ratio("rehearsal / artisan, median of the pairs", forward, theirs, 3),
            Judgement("fixed costs, median", median(fixed), 3, "s", f"({spread_of(fixed)})"),
        ],
    )


@dataclass(frozen=True)
class _Rehearsal:
    forward: float
    fixed: float


def _rehearsal(folder: Path) -> _Rehearsal:
    """Read how long the parts of the latest rehearsal took, from its results on the host."""
    latest = max(folder.rglob("sandbox.*/facts"), key=lambda file: file.stat().st_mtime_ns)
    took, migrate = {}, 0
    for line in latest.read_text().splitlines():
        key, _, value = line.partition("\t")
        words = value.split()
        if key == "took":
            took[words[0]] = int(words[1])
        if key == "command" and words[0] == "migrate":
            migrate = int(words[3])
    fixed = sum(took[part] for part in ("packages", "server", "rows", "setup", "snapshots"))
    return _Rehearsal((migrate + took["reading"] + took["predicting"]) / 1000, fixed / 1000)


async def _push_pending(site: Site, pending: int) -> None:
    folder = site.application.author / "database" / "migrations"
    for number in range(1, pending + 1):
        column = f"bench_{number}"
        (folder / f"2026_01_01_{number:06}_add_{column}.php").write_text(
            "<?php\nuse Illuminate\\Database\\Migrations\\Migration;\nuse Illuminate\\Support\\Facades\\Schema;\n"
            "return new class extends Migration {\n"
            f"  public function up() {{ Schema::table('users', fn ($t) => $t->integer('{column}')->nullable()); }}\n"
            f"  public function down() {{ Schema::table('users', fn ($t) => $t->dropColumn('{column}')); }}\n}};\n"
        )
    author = site.application.author
    await git(author, "add", "--all")
    await git(author, "commit", "--quiet", "-m", f"feat: {pending} columns")
    await git(author, "push", "--quiet", str(site.application.origin), "HEAD:main")


async def _by_bot(playground: RunningPlayground, pending: int) -> float:
    """Ask for the deploy; give the seconds until it can be approved. It is rejected then."""
    async with followed(playground) as messages:
        began = time.perf_counter()
        typed = playground.client_actions.command(_ENGINEER, _CHANNEL, "/deploy compte production")
        delivery = asyncio.create_task(typed)
        request = await find(messages, "countersign_approval", "open")
        took = time.perf_counter() - began
        await delivery
        evidence = str(next(m for m in _thread(playground) if _kind(m) == "countersign_plan")["blocks"])
        if f"rehearsed in the sandbox on a copy: {pending} migrations" not in evidence:
            raise RuntimeError(f"not rehearsed: {evidence[:2000]}")
        playground.client_actions.react(_RELEASER, _CHANNEL, request["ts"], "x")
        await find(messages, "countersign_result")
    return took


def _thread(playground: RunningPlayground) -> list[dict[str, Any]]:
    """Give the messages of the channel, the newest first."""
    return list(reversed(snapshot(playground.state, playground.sockets)["channels"][0]["messages"]))


def _kind(message: dict[str, Any]) -> str:
    return str((message.get("metadata") or {}).get("event_type", ""))


async def _by_artisan(site: Site) -> float:
    """Run the same migrations by artisan in a worktree of their commit, and undo them again."""
    application = site.application
    tree = application.folder / "preview"
    await git(application.path, "worktree", "add", "--quiet", "--detach", "--force", str(tree), "origin/main")
    for name in (".env", "vendor"):
        if not (tree / name).exists():
            (tree / name).symlink_to(application.path / name)
    try:
        took = await over_ssh(site.host, f"cd {shlex.quote(str(tree))} && php artisan migrate --force")
        await over_ssh(site.host, f"cd {shlex.quote(str(tree))} && php artisan migrate:rollback --force")
        return took
    finally:
        await git(application.path, "worktree", "remove", "--force", "--force", str(tree))
