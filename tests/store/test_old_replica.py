"""While an update is rolled out, a replica of the version before and one of this version share a store on a server."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.console import run_json
from bot.console.run_output import assemble_output
from bot.domain.runs.plan_json import plan_digest
from bot.domain.runs.run import RunState
from bot.engine.run_changes import (
    Chunk,
    FactsAre,
    GateIs,
    LeaseLostError,
    MoveTo,
    PlanIs,
    Printed,
    StepsAdded,
    VotesAre,
)
from bot.store import SqlStore, open_store
from bot.store.history.verify import first_broken
from tests.store.support.samples import AT, GATE, PLAN, VOTE, claimed, entry, event, step
from tests.store.test_sharing import lapse

pytestmark = pytest.mark.xdist_group("mariadb")

ROOT = Path(__file__).parents[2]
BEFORE = "4558a3e"
PARTS = ("bot", "commands", "tests/__init__.py", "tests/store/__init__.py", "tests/store/" + "samples.py")

REPLICA = (Path(__file__).parent / "golden" / "old_replica.txt").read_text()
"""Written against the code of `BEFORE`, with its names."""


@dataclass(frozen=True)
class OldReplica:
    process: asyncio.subprocess.Process

    async def __call__(self, word: str, *arguments: object, **facts: str) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([word, arguments, facts]).encode() + b"\n")
        line = await self.process.stdout.readline()
        assert line, f"the old replica ended at {word}"
        return json.loads(line)

    async def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert await self.process.wait() == 0

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


@pytest.fixture(scope="module")
def old_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = subprocess.run(["git", "archive", BEFORE, *PARTS], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        pytest.fail(f"commit {BEFORE} is missing: this test needs the whole history, not a shallow clone")
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as packed:
        packed.extractall(folder, filter="data")
    return folder


@pytest.fixture
async def old(old_code: Path, mariadb_url: str) -> AsyncIterator[OldReplica]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        REPLICA,
        mariadb_url,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=old_code,
        env=dict(os.environ, PYTHONPATH=str(old_code)),
        limit=1 << 24,
    )
    replica = OldReplica(process)
    assert Path(await replica("where")).is_relative_to(old_code)
    yield replica
    if process.returncode is None:
        await replica.kill()


@pytest.fixture
async def new(old: OldReplica, mariadb_url: str) -> AsyncIterator[SqlStore]:
    del old  # it was there first
    async with open_store(mariadb_url) as store:
        yield store


async def read(store: SqlStore, run: str) -> Any:
    found = await store.runs.get(run)
    assert found is not None
    output = run_json.output(assemble_output(found, await store.runs.output(run)))
    return [run_json.whole(found, await store.history.of_run(run)), output, found.revision]


async def test_each_reads_the_runs_of_the_other_as_the_other_does(old: OldReplica, new: SqlStore) -> None:
    theirs = await old("make", 1)
    lease = await claimed(new, 2, app="boutique", owner="new")
    assert await new.leases.admit(lease, AT)
    parts = (PlanIs(PLAN), StepsAdded((step(tail="é"),)), GateIs(GATE), VotesAre((VOTE,)))
    kept = Printed(Chunk("migrate", "web1", 1, 0, b"one\n"))
    moved = MoveTo(RunState.AWAITING_APPROVAL, AT)
    await new.runs.write(lease, (*parts, kept, moved), (entry(lease.run, "planned"),))
    for run in (theirs, lease.run):
        seen = await read(new, run)
        assert seen == await old("read", run)
        assert seen[0]["plan"]["digest"] == plan_digest(PLAN)
        assert (seen[0]["gate"]["state"], [vote["user"] for vote in seen[0]["votes"]]) == ("open", ["U0BOB"])
    assert await first_broken(new.history) is None
    assert await old("broken") is None


async def test_a_run_is_driven_by_one_of_them_until_it_lets_go(old: OldReplica, new: SqlStore) -> None:
    run = await old("make", 1)
    assert await new.leases.claim(run, "new", timedelta(hours=1)) is None
    await old("release", run)
    lease = await new.leases.claim(run, "new", timedelta(hours=1))
    assert lease is not None
    assert not await old("claim", run)
    assert not await old("note", run, by="old")
    await new.runs.write(lease, (FactsAre({"by": "new"}),))
    await new.leases.release(lease)
    assert await old("claim", run)
    with pytest.raises(LeaseLostError):
        await new.runs.write(lease, (FactsAre({"by": "new again"}),))
    assert await old("note", run, then="old")
    found = await new.runs.get(run)
    assert found is not None
    assert found.facts == {"by": "new", "then": "old"}


async def test_an_event_is_handled_by_the_one_that_recorded_it(old: OldReplica, new: SqlStore) -> None:
    assert await old("receive", 1)
    assert not await new.inbox.receive(event(1))
    assert await new.inbox.receive(event(2))
    assert not await old("receive", 2)
    assert await old("waiting") == ["Ev1"]
    assert [found.id for found in await new.inbox.waiting(9)] == ["Ev2"]


async def test_the_new_one_takes_the_events_of_an_old_one_that_ends(old: OldReplica, new: SqlStore) -> None:
    await old("receive", 1)
    await old.end()
    assert [found.id for found in await new.inbox.waiting(9)] == ["Ev1"]


async def test_the_new_one_takes_the_events_of_an_old_one_that_is_killed(
    old: OldReplica, new: SqlStore, mariadb_url: str
) -> None:
    await old("receive", 1)
    await old.kill()
    assert await new.inbox.waiting(9) == ()
    lapse(mariadb_url)
    assert [found.id for found in await new.inbox.waiting(9)] == ["Ev1"]


async def test_a_duty_is_held_by_one_of_them(old: OldReplica, new: SqlStore) -> None:
    assert await old("duty", "publishing")
    assert not await new.leader_leases.acquire("publishing")
    assert await new.leader_leases.acquire("forwarding")
    assert not await old("duty", "forwarding")
    await old.end()
    assert await new.leader_leases.acquire("publishing")


async def test_a_schedule_fires_once(old: OldReplica, new: SqlStore) -> None:
    assert await old("fire", "backup compte production")
    assert not await new.schedule_claims.claim("backup compte production", AT, "new")
    assert await new.schedule_claims.claim("backup boutique production", AT, "new")
    assert not await old("fire", "backup boutique production")
