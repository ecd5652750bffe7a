"""A writer is killed in the middle of its commits: what it was told is committed, is there."""

import asyncio
import os
import random
import sys
from pathlib import Path

from bot.store import open_store
from bot.store.history.verify import first_broken
from bot.store.reader import InboxReader

ROOT = Path(__file__).parents[2]

WRITER = """
import asyncio, sys
from bot.engine.run_changes import FactsAre, StepIs
from bot.store import open_store
from tests.store.support.samples import HOUR, entry, event, made, step

async def main(url, life):
    async with open_store(url) as store:
        number = int(life) + 1
        run = await made(store, number, f"app{life}")
        lease = await store.leases.claim(run.id, life, HOUR)

        async def write():
            n = 0
            while True:
                n += 1
                await store.runs.write(
                    lease,
                    (FactsAre({"n": str(n)}), StepIs(step(f"s{n}", position=n))),
                    (entry(run.id, "write", n=str(n)),),
                )
                print("write", n, flush=True)

        async def receive(lane):
            n = 0
            while True:
                n += 1
                assert await store.inbox.receive(event(f"{life}.{lane}.{n}"))
                print("event", f"Ev{life}.{lane}.{n}", flush=True)

        await asyncio.gather(write(), *(receive(lane) for lane in range(4)))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_what_was_acknowledged_survives_kill_9(url: str) -> None:
    chance = random.Random(7)
    events: set[str] = set()
    for life in range(4):
        writer = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            WRITER,
            url,
            str(life),
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env=dict(os.environ, PYTHONPATH=str(ROOT)),
        )
        assert writer.stdout is not None
        written = 0
        wanted = chance.randrange(40, 160)
        lines = 0
        async for line in writer.stdout:
            lines += 1
            if lines == wanted:
                writer.kill()
            kind, name = line.decode().split()
            if kind == "write":
                written = int(name)
            else:
                events.add(name)
        assert await writer.wait() == -9
        async with open_store(url) as store:
            run = await store.runs.get(f"R-{life + 1:06}")
            assert run is not None
            there = int(run.facts.get("n", "0"))
            assert there in {written, written + 1}
            assert [row.key for row in run.steps] == [f"s{n}" for n in range(1, there + 1)]
            told = [r.entry.facts["n"] for r in await store.history.of_run(run.id) if r.entry.event == "write"]
            assert told == [str(n) for n in range(1, there + 1)]
            assert await first_broken(store.history) is None
            # Read past the claims of the process that is gone, which still hold on a server.
            assert events <= {found.id for found in await InboxReader.waiting(store.inbox, 100_000)}
