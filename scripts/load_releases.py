"""Requests a Laravel application behind nginx and php-fpm without a pause while releases go live and back.

The steps are those of the recipe with `layout: releases`, run one after the other as a host runs them; the bot is not
part of it. Each answer names the release that made it and the number of its commit, from two files. Prints how many
answers there were, how many failed, and how many mixed two releases; the status is 1 if any did.

Needs nginx and php-fpm beside what the tests need: `scripts/load_releases.py [DEPLOYS [ROLLBACKS]]`.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.site import new_site, servers
from bot.demo.application.git import git
from bot.demo.processes.ports import LOOPBACK, Port, wait_until_listening
from bot.demo.processes.process import Process, temporary_folder
from bot.domain.targets.layout import KeptRelease
from bot.recipes.recipe import RunKind
from tests.recipes.test_releases import Root
from tests.support.releases import releases_of

_LOGIN = "resources/views/login.blade.php"
_NAMED = "<!-- {{ basename(base_path()) }} {{ file_get_contents(base_path('number')) }} -->\n"
_SAID = re.compile(r"<!-- (\S+) (\d+) -->")
_KEEP_ALIVE, _FRESH = 4, 2

_FPM = """[global]
pid = {folder}/fpm.pid
error_log = {folder}/fpm.log
daemonize = no
[www]
user = root
listen = {folder}/fpm.sock
pm = static
pm.max_children = 4
clear_env = yes
"""

_NGINX = """daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; user root;
events {{ }}
http {{
  access_log off; client_body_temp_path {folder}/a; fastcgi_temp_path {folder}/b; proxy_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen {address}:{port};
    root {root}/current/public;
    location / {{
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $realpath_root/index.php;
      fastcgi_param SCRIPT_NAME /index.php;
      fastcgi_param DOCUMENT_ROOT $realpath_root;
      fastcgi_pass unix:{folder}/fpm.sock;
    }}
  }}
}}
"""


@dataclass
class Seen:
    """What was answered.

    Args:
        statuses: how often each.
        errors: of requests that got no answer.
        numbers: the numbers of commits that a release named.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    numbers: dict[str, set[str]] = field(default_factory=dict)
    slowest: float = 0.0

    async def ask(self, url: str, *, fresh: bool) -> None:
        """Request without a pause, on one connection or on a new one each time."""
        headers = {"Connection": "close"} if fresh else {}
        async with aiohttp.ClientSession() as session:
            while True:
                begun = time.monotonic()
                try:
                    async with session.get(url, headers=headers) as response:
                        text = await response.text()
                except (aiohttp.ClientError, OSError) as error:
                    self.errors[type(error).__name__] += 1
                    continue
                self.slowest = max(self.slowest, time.monotonic() - begun)
                self.statuses[response.status] += 1
                for name, number in _SAID.findall(text):
                    self.numbers.setdefault(name, set()).add(number)


@asynccontextmanager
async def served(root: Path, folder: Path) -> AsyncIterator[str]:
    """Serve the live release by nginx and php-fpm; give the address of its page."""
    fpm = next((name for name in ("php-fpm", "php-fpm8.4", "php-fpm8.3", "php-fpm8.2") if shutil.which(name)), None)
    if fpm is None or shutil.which("nginx") is None:
        raise SystemExit("needs nginx and php-fpm")
    port = Port()
    values = {"folder": folder, "root": root, "address": LOOPBACK, "port": port.number}
    (folder / "fpm.conf").write_text(_FPM.format(**values))
    (folder / "nginx.conf").write_text(_NGINX.format(**values))
    environment = {"PATH": "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin:/bin"}
    php = Process([fpm, "-R", "-y", str(folder / "fpm.conf")], folder / "fpm.out", environment)
    web = Process(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], folder / "nginx.out", environment)
    await php.start()
    try:
        await web.start()
        try:
            await wait_until_listening(port.number, lambda: web.running)
            yield f"http://{LOOPBACK}:{port.number}/login"
        finally:
            await web.end()
    finally:
        await php.end()
        port.close()


async def play(deploys: int, rollbacks: int) -> int:
    """Play, and print what was seen."""
    async with AsyncExitStack() as stack:
        folder = await stack.enter_async_context(temporary_folder("cs-"))
        host, database = await servers(stack, folder)
        laravel = (await new_site(folder, host, database)).application
        root = Root(await releases_of(laravel), laravel)
        login = _NAMED + (laravel.author / _LOGIN).read_text()
        await root.deploy(await root.commit({_LOGIN: login, "number": "0"}))
        url = await stack.enter_async_context(served(root.path, folder))
        seen = Seen()
        asking = [asyncio.create_task(seen.ask(url, fresh=number < _FRESH)) for number in range(_KEEP_ALIVE + _FRESH)]
        for number in range(1, deploys + 1):
            await root.deploy(await root.commit({"number": str(number)}))
        ways = []
        for number in range(rollbacks):
            names = sorted(root.names, reverse=True)
            kept = next(name for name in names if name != root.live) if number % 2 else names[1]
            sha = await git(root.path / "releases" / kept, "rev-parse", "HEAD")
            steps = root.steps(sha, KeptRelease(kept), RunKind.ROLLBACK)
            begun = time.monotonic()
            await root.succeeds(*(steps[key] for key in ("log-mark", "config-again", "switch", "queue-restart")))
            ways.append(time.monotonic() - begun)
        await asyncio.sleep(1)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    failed = sum(count for status, count in seen.statuses.items() if status >= 400) + seen.errors.total()
    mixed = {name: numbers for name, numbers in seen.numbers.items() if len(numbers) > 1}
    print(f"{seen.statuses.total()} answers through {deploys} deploys and {rollbacks} rollbacks: {dict(seen.statuses)}")
    print(
        f"failed: {failed} {dict(seen.errors) or ''}; releases that answered: {len(seen.numbers)}; mixed: {mixed or 0}"
    )
    print(f"slowest answer {seen.slowest:.2f} s; a way back took {max(ways, default=0):.2f} s at most")
    return 1 if failed or mixed or not seen.numbers else 0


if __name__ == "__main__":
    counts = [int(word) for word in sys.argv[1:]] + [20, 5][len(sys.argv) - 1 :]
    sys.exit(asyncio.run(play(*counts)))
