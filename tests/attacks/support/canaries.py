"""Things that must not be touched and secrets that must not be read, all around an application."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer
from tests.acceptance.support.system import System
from tests.attacks.support.sink import Sink, sink
from tests.support import eventually

SECRET = "c4n4ry"
"""In every secret that must not be told: of rows, of the environment, of files and of processes."""

OTHER = 64322
"""An account that the application has nothing to do with."""


@dataclass
class Canaries:
    """What an attacker would like to reach.

    Args:
        application: that is attacked.
        mariadb: its server.
        folder: of files that belong to nobody the attacker may be.
        other_database: another database that the application's account may write to.
        http: a server on loopback.
        redis: likewise.
        process: a process of the host with a secret in its environment.
    """

    application: Application
    mariadb: DatabaseServer
    folder: Path
    other_database: str
    http: Sink
    redis: Sink
    process: subprocess.Popen[bytes]
    before: dict[str, str] = field(default_factory=dict)

    async def state(self) -> dict[str, str]:
        """Describe everything that must stay as it is."""
        found = {f"file {path}": _hash(path) for path in self._files()}
        for database in (self.application.database.name, self.other_database):
            tables = await self.mariadb.query("SHOW TABLES", database=database)
            for table in sorted(str(next(iter(row.values()))) for row in tables):
                (checksum,) = await self.mariadb.query(f"CHECKSUM TABLE `{table}`", database=database)
                (shape,) = await self.mariadb.query(f"SHOW CREATE TABLE `{table}`", database=database)
                found[f"table {database}.{table}"] = f"{checksum['Checksum']} {hash(shape['Create Table'])}"
        accounts = await self.mariadb.query("SELECT user, host FROM mysql.user ORDER BY user, host")
        found["accounts"] = str(accounts)
        found["http"], found["redis"] = str(self.http.connections), str(self.redis.connections)
        found["process"] = str(self.process.poll())
        return found

    def _files(self) -> list[Path]:
        live = self.application.path
        # Git's own files change when origin is fetched; what the site writes, it writes by itself.
        kept = [path for path in sorted(live.rglob("*")) if ".git" not in path.relative_to(live).parts]
        hooks = [*sorted((live / ".git/hooks").glob("*")), live / ".git/config"]
        return [path for path in (*kept, *hooks, *sorted(self.folder.rglob("*"))) if path.is_file()]

    async def untouched(self) -> None:
        """Fail where anything is not as it was."""
        now = await self.state()
        assert {key: now.get(key) for key in self.before} == self.before
        assert sorted(now) == sorted(self.before)


def approvers_were_told(system: System) -> bool:
    """Whether the request says that the branch reached for files outside."""
    return "It tried to reach files outside:* `read /etc/shadow`" in json.dumps(system.snapshot(), default=str)


def untold(system: System) -> None:
    """Fail where a secret is anywhere in Slack, in the bot's store or in its log."""
    told = json.dumps(system.snapshot(), ensure_ascii=False, default=str)
    places: dict[str, Any] = {"Slack": told, "log": "\n".join(system.bot.lines)}
    store = system.bot.folder / "data/countersign.db"
    places["store"] = store.read_bytes().decode("latin-1")
    for place, text in places.items():
        at = text.find(SECRET)
        assert at < 0, (place, text[max(0, at - 200) : at + 60])


async def deploy_until_asked(system: System, around: Canaries, branch: str) -> str:
    """Ask for a deploy of a hostile branch, and give the state in which it waits or ended.

    Fails where something was touched or told by then, or where one approval would do.
    """
    run = await system.ask(f"/deploy compte production {branch}")
    ended = {"awaiting_approval", "failed", "succeeded", "needs_human"}
    await eventually(lambda: system.payload("card", run).get("state") in ended, 120, what="the gate, or the end")
    await around.untouched()
    untold(system)
    state = str(system.payload("card", run)["state"])
    if state == "awaiting_approval":
        await system.gate(run)
        assert system.payload("approval", run)["needed"] == 2
    return state


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() + oct(path.stat().st_mode)


def _files(folder: Path) -> None:
    folder.mkdir()
    (folder / "others").write_text(f"{SECRET}-file\n")
    (folder / "others").chmod(0o600)
    os.chown(folder / "others", OTHER, OTHER)


def _append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def _process() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "600"], env={"PATH": os.environ["PATH"], "TOKEN": f"{SECRET}-process"})


@asynccontextmanager
async def canaries(application: Application, mariadb: DatabaseServer, folder: Path) -> AsyncIterator[Canaries]:
    """Put them everywhere."""
    _files(folder)
    database = application.database
    await mariadb.query(f"UPDATE users SET email = '{SECRET}-row@example.com' WHERE id = 1", database=database.name)
    other = f"{database.name}_audit"
    await mariadb.query(f"CREATE DATABASE IF NOT EXISTS `{other}`")
    await mariadb.query("CREATE TABLE entries (id INT PRIMARY KEY, note VARCHAR(80))", database=other)
    await mariadb.query(f"INSERT INTO entries VALUES (1, '{SECRET}-audit')", database=other)
    await mariadb.query(f"GRANT ALL ON `{other}`.* TO '{database.user}'@'%'")
    _append(application.path / ".env", f"STRIPE_SECRET={SECRET}-env\nDB_AUDIT_DATABASE={other}\n")
    process = _process()
    try:
        async with sink() as http, sink() as redis:
            found = Canaries(application, mariadb, folder, other, http, redis, process)
            found.before = await found.state()
            yield found
    finally:
        process.kill()
        process.wait()
        await mariadb.query(f"DROP DATABASE `{other}`")
