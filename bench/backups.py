"""Backups of a 300 MB database, to the host, the bot and a bucket, and restoring one, beside `mysqldump | zstd`."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.deploy import find, followed
from bench.program import ROOT, Running, running
from bench.report import Judgement, Missing, Report, Samples, Side, ratio, reason, spread_of
from bench.size import Size
from bench.stand import BOT, slack_environment, workspace
from bot.databases.server.quoting import option_file
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.demo.host.host import DemoHost
from bot.demo.processes.process import temporary_folder
from bot.domain.secrets import Secret
from bot.domain.targets.target import Database as Account
from bot.playground.server import RunningPlayground
from tests.support import write_operations
from tests.support.bucket import s3_server
from tests.support.operations import RELAXED

ROUNDS = {Size.FULL: 7, Size.SHORT: 3, Size.TINY: 1}
RESTORES = {Size.FULL: 5, Size.SHORT: 2, Size.TINY: 1}
ROWS = {Size.FULL: 950_000, Size.SHORT: 950_000, Size.TINY: 5_000}
KINDS = {Size.FULL: ("host", "bot", "mydumper"), Size.SHORT: ("host", "bot"), Size.TINY: ("host", "bot", "mydumper")}
LEAST = {"host": 1.0, "bot": 1.0, "mydumper": 0.95, "restore": 0.95}
_BYTES_PER_ROW = 316
MAX_MIB = 32.0
_CHANNEL, _ENGINEER = "C0OPS", "U0AMELIE"
_PASSWORD = "BENCH_DB_PASSWORD"
_EVERY = 0.02
_SELDOM = 0.1
_PATIENCE = 1800
_BUCKET = "backups"
_MYDUMPER = (
    "mydumper --defaults-file={options} --database={name} --outputdir=by-hand --compress --rows=100000"
    " --trx-consistency-only --triggers --routines --events"
)
_DUMP = (
    "mariadb-dump --defaults-file={options} --single-transaction --quick --routines --events --triggers --hex-blob"
    " --default-character-set=utf8mb4 {name} | zstd -1 -q -c"
)


@dataclass(frozen=True)
class Stand:
    """What is measured on.

    Args:
        folder: for files of this side.
        host: the SSH server.
        server: of databases.
        database: that is dumped.
        options: file with the login, on the host.
    """

    folder: Path
    host: DemoHost
    server: DatabaseServer
    database: DemoDatabase
    options: Path

    async def ssh(self, command: str, output: Path | None = None) -> float:
        """Run a command by `ssh`; give the seconds."""
        host = self.host
        words = [
            "ssh", "-F", "none", "-i", str(host.key), "-p", str(host.port), "-l", host.user,
            "-o", f"UserKnownHostsFile={host.known_hosts}", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
            host.address, command,
        ]  # fmt: skip
        with (output or Path(os.devnull)).open("wb") as file:
            began = time.perf_counter()
            process = await asyncio.create_subprocess_exec(
                *words, stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=asyncio.subprocess.PIPE
            )
            _, output = await process.communicate()
            took = time.perf_counter() - began
        if process.returncode != 0:
            raise RuntimeError(f"{command!r} ended with {process.returncode}: {output.decode(errors='replace')}")
        return took

    async def by_hand(self, kind: str) -> float:
        """Dump as people do, into a file of the host or of this side; give the seconds."""
        if kind == "mydumper":
            await self.ssh("rm -rf by-hand")
            return await self.ssh(_MYDUMPER.format(options=shlex.quote(str(self.options)), name=self.database.name))
        dump = _DUMP.format(options=shlex.quote(str(self.options)), name=self.database.name)
        if kind == "host":
            return await self.ssh(f"{dump} > by-hand.sql.zst")
        return await self.ssh(dump, self.folder / "by-hand.sql.zst")


@dataclass(frozen=True)
class Bot:
    """The bot, as people start it."""

    program: Running
    playground: RunningPlayground
    environment: Mapping[str, str]
    folder: Path

    async def backup(self, app: str) -> tuple[dict[str, float], float]:
        """Back up an app; give the seconds of each step, and by how much the memory grew."""
        before = self.program.resident_mib()
        async with followed(self.playground) as changes, highest(self.program) as seen:
            await self.playground.client_actions.command(_ENGINEER, _CHANNEL, f"/backup {app} production")
            result = await find(changes, "countersign_result", patience=_PATIENCE)
        payload = result["metadata"]["event_payload"]
        run_json = await self._run_json(payload["run"])
        if payload["state"] != "succeeded":
            raise RuntimeError(f"the run ended {payload['state']}: {run_json}")
        seconds = {step["key"]: step["places"][-1]["seconds"] for step in run_json["steps"] if step["places"]}
        return seconds, max(seen) - before

    async def _run_json(self, run: str) -> dict[str, Any]:
        """Read what the bot remembers of a run."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "runs", "show", run, "--json",
            cwd=self.folder, env={**os.environ, "PYTHONPATH": str(ROOT), **self.environment},
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await process.communicate()
        run_json: dict[str, Any] = json.loads(output)
        return run_json


Figures = dict[str, list[float]]
"""Samples by what was measured."""


def _note(figures: Figures, name: str, value: float) -> None:
    figures.setdefault(name, []).append(value)


async def measure(size: Size) -> Report:
    """Dump in turns to the host and to the bot, by the bot and by hand; then to a bucket, for the memory."""
    seen = _Seen()
    async with AsyncExitStack() as stack:
        stand = await _stand(stack, ROWS[size])
        bot = await _bot(stack, stand)
        kinds = [kind for kind in KINDS[size] if not seen.lacks(kind)]
        # The first of each pays for cold caches and for what is loaded once.
        for number in range(ROUNDS[size] + 1):
            for kind in tuple(kinds):
                try:
                    await _pair(seen, stand, bot, kind, number)
                except Exception as error:
                    seen.missing.append(Missing(f"dump: {kind}", reason(error)))
                    kinds.remove(kind)
        if size is not Size.SHORT:
            await _to_bucket(seen, bot)
    return _report("Dumps", seen, KINDS[size], ROWS[size])


@dataclass
class _Seen:
    """What was seen so far.

    Args:
        seconds: samples by what was measured.
        growth: of the bot's memory, in MiB.
        missing: what could not be measured.
    """

    seconds: Figures = field(default_factory=dict)
    growth: Figures = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)

    def lacks(self, kind: str) -> bool:
        """Whether the program of that name, if it is one, is not on this machine; it is noted."""
        if kind != "mydumper" or shutil.which(kind) is not None:
            return False
        self.missing.append(Missing(f"dump: {kind}", f"{kind} is not installed"))
        return True


async def _pair(seen: _Seen, stand: Stand, bot: Bot, kind: str, number: int) -> None:
    """Dump by hand and by the bot, each one first every other time; the first pair does not count for the time."""
    took: dict[str, float] = {}
    for who in ("by hand", "bot") if number % 2 else ("bot", "by hand"):
        # Nobody pays for what the one before left to be written to the disk.
        await asyncio.to_thread(os.sync)
        if who == "by hand":
            took[f"{kind}, by hand"] = await stand.by_hand(kind)
        else:
            steps, grown, took[kind] = await _by_bot(bot, kind)
            if kind == "mydumper":
                took["mydumper, with looking and counting"] = steps["backup"]
            _note(seen.growth, kind, grown)
    for name, value in took.items() if number else ():
        _note(seen.seconds, name, value)


async def _to_bucket(seen: _Seen, bot: Bot) -> None:
    try:
        for _ in range(2):
            steps, grown = await bot.backup("bucket")
            _note(seen.seconds, "bucket", steps["backup"])
            _note(seen.growth, "bucket", grown)
    except Exception as error:
        seen.missing.append(Missing("dump: bucket", reason(error)))


async def _by_bot(bot: Bot, kind: str) -> tuple[dict[str, float], float, float]:
    """Back up; give the seconds of each step, by how much the memory grew, and the seconds of the dump."""
    if kind != "mydumper":
        steps, grown = await bot.backup(kind)
        return steps, grown, steps["backup"]
    # What mydumper makes is always counted, for the proof; whoever runs it by hand counts nothing.
    async with span("--no-schemas", "-cf") as dumping:
        steps, grown = await bot.backup(kind)
    return steps, grown, dumping[0]


async def measure_restore(size: Size) -> Report:
    """Load a dump in turns, in a proof of the bot and by hand."""
    seen = _Seen()
    async with AsyncExitStack() as stack:
        stand = await _stand(stack, ROWS[size])
        bot = await _bot(stack, stand)
        await stand.by_hand("host")
        # The first of each pays for cold caches.
        await bot.backup("proof")
        await _restore(stand)
        for number in range(RESTORES[size]):
            if number % 2:
                _note(seen.seconds, "restore, by hand", await _restore(stand))
            async with lifetime("--binary-mode") as loading:
                steps, grown = await bot.backup("proof")
            _note(seen.growth, "restore", grown)
            _note(seen.seconds, "restore", max(loading))
            _note(seen.seconds, "restore, with comparison", steps["backup-proof"])
            _note(seen.seconds, "dump, with counting", steps["backup"])
            if not number % 2:
                _note(seen.seconds, "restore, by hand", await _restore(stand))
    return _report("Restores", seen, ("restore",), ROWS[size])


def _report(what: str, seen: _Seen, judged: Sequence[str], rows: int) -> Report:
    def throughput(ours: str) -> Judgement:
        by_hand = seen.seconds[f"{ours}, by hand"]
        return ratio(f"throughput: {ours} / by hand", by_hand, seen.seconds[ours], LEAST[ours], Side.AT_LEAST)

    return Report(
        f"{what} of a database with {rows:,} rows, whose dump has {rows * _BYTES_PER_ROW // 1_000_000} MB",
        [
            *(Samples(name, values, "s") for name, values in sorted(seen.seconds.items())),
            *(throughput(kind) for kind in judged if kind in seen.seconds),
            *(
                Judgement(f"memory growth: {kind}, largest", max(grown), MAX_MIB, "MiB", f"({spread_of(grown)})")
                for kind, grown in seen.growth.items()
            ),
            *seen.missing,
        ],
    )


async def _stand(stack: AsyncExitStack, rows: int) -> Stand:
    folder = await stack.enter_async_context(temporary_folder("cs-"))
    for name in ("mariadb", "web1", "bot"):
        (folder / name).mkdir()
    server = await stack.enter_async_context(DatabaseServer(folder / "mariadb"))
    host = await stack.enter_async_context(DemoHost(folder / "web1", recorded=()))
    # What is recorded of every statement would be most of the time.
    await server.query("SET GLOBAL general_log = OFF")
    database = await server.create("compte")
    await server.query(
        "CREATE TABLE events (id INT PRIMARY KEY, user_id INT, kind VARCHAR(20), token CHAR(40), body VARCHAR(400),"
        " at DATETIME, KEY (user_id))",
        database=database.name,
    )
    await server.query(
        "INSERT INTO events SELECT seq, seq MOD 5000, ELT(1 + seq MOD 4, 'login', 'logout', 'purchase', 'refresh'),"
        " SHA1(seq), CONCAT_WS(' ', 'The user signed in from', INET_NTOA(seq * 7919), 'with agent Mozilla/5.0 (X11;"
        " Linux x86_64) AppleWebKit/537.36', SHA2(seq, 256), REPEAT('lorem ipsum ', seq MOD 12)),"
        f" NOW() - INTERVAL seq SECOND FROM seq_1_to_{rows}",
        database=database.name,
    )
    # Who dumps with mydumper takes the global lock for a moment, by hand too.
    await server.query(f"GRANT RELOAD, PROCESS ON *.* TO `{database.user}`@`%`")
    account = Account(None, database.host, database.port, database.name, database.user, Secret(database.password))
    options = host.home / "client.cnf"
    options.write_text(option_file(account).reveal())
    options.chmod(0o600)
    return Stand(folder / "bot", host, server, database, options)


async def _bot(stack: AsyncExitStack, stand: Stand) -> Bot:
    s3 = await stack.enter_async_context(s3_server())
    bucket = s3.bucket(_BUCKET)
    await asyncio.to_thread(s3.client().create_bucket, Bucket=_BUCKET)
    stores: dict[str, dict[str, Any]] = {
        "host": {"directory": str(stand.host.folder / "backups")},
        "proof": {"directory": str(stand.host.folder / "proven")},
        "mydumper": {"directory": str(stand.host.folder / "folders"), "mydumper_from": "1MiB"},
        "bot": {"store": {"directory": str(stand.folder / "kept")}},
        "bucket": {
            "store": {
                "bucket": _BUCKET,
                "endpoint": s3.endpoint,
                "region": bucket.region,
                "access_key": bucket.access_key.reveal(),
                "secret_key": bucket.secret_key.reveal(),
            }
        },
    }
    playground = await stack.enter_async_context(workspace())
    ops_file = write_operations(stand.folder, _operations(stand, stores))
    environment = {
        **slack_environment(playground),
        "OPS_FILE": str(ops_file),
        _PASSWORD: stand.database.password,
    }
    program = await stack.enter_async_context(running(BOT, stand.folder, environment))
    await asyncio.sleep(2)
    return Bot(program, playground, environment, stand.folder)


def _operations(stand: Stand, stores: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    host, database = stand.host, stand.database
    web1 = {
        "address": host.address, "port": host.port, "user": host.user, "key": str(host.key),
        "known_hosts": str(host.known_hosts),
    }  # fmt: skip

    def app(name: str) -> dict[str, Any]:
        account = {
            "via": "web1", "host": database.host, "port": database.port, "name": database.name, "user": database.user,
            "password": f"${{{_PASSWORD}}}", "scratch": name in {"proof", "mydumper"},
        }  # fmt: skip
        production = {
            "policy": "relaxed", "hosts": ["web1"], "path": str(host.folder / "apps" / name), "branch": "main",
            "database": account, "backups": dict(stores[name]), "vars": {"commands": ["true"]},
        }  # fmt: skip
        return {"recipe": "shell", "channels": [_CHANNEL], "environments": {"production": production}}

    return {
        "version": 1,
        "people": {},
        "hosts": {"web1": web1},
        "policies": {"relaxed": {**RELAXED, "run": {"backup": ["anyone"]}}},
        "apps": {name: app(name) for name in stores},
    }


async def _restore(stand: Stand) -> float:
    """Restore by hand what was dumped by hand, into a database of its own; give the seconds."""
    name = f"{stand.database.name}_countersign_by_hand"
    await stand.server.query(f"CREATE DATABASE {name}")
    client = f"mariadb --defaults-file={shlex.quote(str(stand.options))} {name}"
    took = await stand.ssh(f"zstd -q -dc by-hand.sql.zst | {client}")
    await stand.server.query(f"DROP DATABASE {name}")
    return took


@asynccontextmanager
async def again_and_again(look: Callable[[], None], every: float) -> AsyncIterator[None]:
    """Look at something every so many seconds, until the end of the context."""

    async def go_on() -> None:
        while True:
            look()
            await asyncio.sleep(every)

    looking = asyncio.create_task(go_on())
    try:
        yield
    finally:
        looking.cancel()


@asynccontextmanager
async def highest(program: Running) -> AsyncIterator[list[float]]:
    """Gather the resident memory of a program, in MiB, until the end of the context."""
    seen = [program.resident_mib()]
    async with again_and_again(lambda: seen.append(program.resident_mib()), _EVERY):
        yield seen


@asynccontextmanager
async def lifetime(word: str) -> AsyncIterator[list[float]]:
    """Measure the processes that have a word among their arguments; their seconds are there at the end."""
    found: list[float] = []
    seen: dict[str, float] = {}

    def look() -> None:
        now = time.perf_counter()
        living = _living(word)
        for pid in living - seen.keys():
            seen[pid] = now
        found.extend(now - seen.pop(pid) for pid in seen.keys() - living)

    async with again_and_again(look, _EVERY):
        yield found


@asynccontextmanager
async def span(*words: str) -> AsyncIterator[list[float]]:
    """Measure from the first to the last process that has one of the words; the seconds are there at the end."""
    found: list[float] = []
    seen: list[float] = []

    def look() -> None:
        if _living(*words):
            seen.append(time.perf_counter())

    async with again_and_again(look, _SELDOM):
        yield found
    found.extend([seen[-1] - seen[0]] if seen else [])


def _living(*words: str) -> set[str]:
    return {entry.name for entry in Path("/proc").glob("[0-9]*") if _has(entry, *words)}


def _has(process: Path, *words: str) -> bool:
    try:
        arguments = (process / "cmdline").read_bytes().split(b"\0")
        return any(word.encode() in arguments for word in words)
    except OSError:
        return False
