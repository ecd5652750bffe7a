"""A step that prints very much: what the bot's memory does, and whether the log on the host is whole."""

from __future__ import annotations

import asyncio
import hashlib
import random
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from bench.checkout import new_checkout
from bench.deploy import find, followed
from bench.program import Running, running
from bench.report import Judgement, Note, Report, Samples
from bench.size import Size
from bench.stand import BOT, slack_environment, workspace
from bot.demo.host.host import DemoHost
from bot.demo.processes.process import temporary_folder
from tests.support import write_operations
from tests.support.operations import RELAXED

BYTES = {Size.FULL: 512 * 1024 * 1024, Size.SHORT: 128 * 1024 * 1024, Size.TINY: 8 * 1024 * 1024}
MAX_MIB = 32.0
ROUNDS = {Size.FULL: 2, Size.SHORT: 1, Size.TINY: 1}
_BLOCK = 4 * 1024 * 1024
_EVERY = 0.02
_CHANNEL, _ENGINEER = "C0OPS", "U0AMELIE"


async def measure(size: Size) -> Report:
    """Let the bot follow a step that prints a large file, and `ssh` read the same."""
    async with AsyncExitStack() as stack:
        folder = await stack.enter_async_context(temporary_folder("cs-"))
        (folder / "web1").mkdir()
        host = await stack.enter_async_context(DemoHost(folder / "web1", recorded=()))
        printed = host.home / "printed.txt"
        digest = await asyncio.to_thread(_write_file, printed, BYTES[size])
        playground = await stack.enter_async_context(workspace())
        growth, ours, theirs, unlike = [], [], [], []
        for number in range(ROUNDS[size]):
            place = folder / f"round-{number}"
            checkout = await new_checkout(place)
            ops_file = write_operations(place, _operations(host, checkout, printed))
            environment = {**slack_environment(playground), "OPS_FILE": str(ops_file)}
            theirs.append(await _by_ssh(host, printed))
            async with running(BOT, place, environment) as bot:
                await asyncio.sleep(2)
                before = bot.resident_mib()
                async with followed(playground) as changes, _highest(bot) as highest:
                    began = time.perf_counter()
                    await playground.client_actions.command(_ENGINEER, _CHANNEL, "/deploy chatty production")
                    result = await find(changes, "countersign_result")
                    ours.append(time.perf_counter() - began)
                    payload = result["metadata"]["event_payload"]
                growth.append(max(highest) - before)
                if payload["state"] != "succeeded":
                    raise RuntimeError(f"the run ended {payload['state']}: {result['text']}")
            unlike += await asyncio.to_thread(_differences, host, place, payload["run"], digest, BYTES[size])
    return Report(
        f"A step that prints {BYTES[size] // 1024 // 1024} MiB",
        [
            Samples("ssh host cat, to nowhere", theirs, "s"),
            Samples("countersign, whole run", ours, "s"),
            Samples("growth of resident memory", growth, "MiB"),
            Judgement("growth of resident memory, largest", max(growth), MAX_MIB, "MiB"),
            Judgement("logs that lack something", float(len(unlike)), 0.0),
            *(Note(difference) for difference in unlike),
        ],
    )


def _write_file(path: Path, size: int) -> str:
    """Write lines that are all different; give their checksum."""
    numbers = random.Random(1)
    digest = hashlib.sha256()
    left = size
    with path.open("wb") as file:
        body = b"\n".join(numbers.randbytes(60).hex().encode() for _ in range(_BLOCK // 121))
        while left:
            block = (b"block %d\n" % left + body + b"\n")[:left]
            file.write(block)
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()


def _operations(host: DemoHost, checkout: Path, printed: Path) -> dict[str, object]:
    production = {
        "policy": "relaxed",
        "hosts": ["web1"],
        "path": str(checkout),
        "branch": "main",
        "vars": {"commands": [f"cat {printed}"]},
    }
    web1 = {
        "address": host.address,
        "port": host.port,
        "user": host.user,
        "key": str(host.key),
        "known_hosts": str(host.known_hosts),
    }
    return {
        "version": 1,
        "people": {"engineers": [_ENGINEER]},
        "hosts": {"web1": web1},
        "policies": {"relaxed": RELAXED},
        "apps": {"chatty": {"recipe": "shell", "channels": [_CHANNEL], "environments": {"production": production}}},
    }


@asynccontextmanager
async def _highest(bot: Running) -> AsyncIterator[list[float]]:
    """Look at the bot's memory again and again."""
    seen = [bot.resident_mib()]

    async def look() -> None:
        while True:
            await asyncio.sleep(_EVERY)
            seen.append(bot.resident_mib())

    looking = asyncio.create_task(look())
    try:
        yield seen
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _by_ssh(host: DemoHost, printed: Path) -> float:
    """Read the file with the system's own client; give the seconds."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *("ssh", *host_options(host), host.address, f"cat {printed}"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
    )
    if await process.wait() != 0:
        raise RuntimeError("ssh failed")
    return time.perf_counter() - began


def host_options(host: DemoHost) -> tuple[str, ...]:
    """Give the options with which `ssh` reaches the demonstration host."""
    return (
        *("-F", "none", "-i", str(host.key), "-p", str(host.port), "-l", host.user),
        *("-o", f"UserKnownHostsFile={host.known_hosts}", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"),
    )


def _differences(host: DemoHost, place: Path, run: str, digest: str, size: int) -> list[str]:
    """Compare the log on the host, and how much of it the bot took in, with what was printed."""
    found = []
    folder = host.home / ".local" / "state" / "countersign" / f"{run}@web1"
    [log] = list(folder.glob("command*/log"))
    if log.stat().st_size != size:
        found.append(f"{run}: the log has {log.stat().st_size} bytes")
    with log.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != digest:
            found.append(f"{run}: the log's checksum differs")
    log.unlink()
    store = sqlite3.connect(place / "data" / "countersign.db")
    try:
        query = "SELECT max(taken_bytes) FROM steps WHERE run = ?"
        [(taken,)] = store.execute(query, (run,)).fetchall()
    finally:
        store.close()
    if taken != size:
        found.append(f"{run}: the bot took in {taken} bytes")
    return found
