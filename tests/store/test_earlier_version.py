"""A store that was written by an earlier version is read as that version read it, and can be gone on with."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import create_engine

from bot.console import run_json
from bot.console.run_output import assemble_output
from bot.domain.names import TargetName
from bot.domain.policies.lock import Lock
from bot.domain.runs.plan_json import CODEC
from bot.domain.runs.run import Run, RunState
from bot.domain.targets.dashboard import Viewer
from bot.store import StoreReader, open_readonly, open_store
from bot.store.history.verify import first_broken
from bot.store.sql import upgrade
from tests.store.support.samples import AT, entry, request

GOLDEN = Path(__file__).parent / "golden"
RUNS = json.loads((GOLDEN / "runs_0006.json").read_text(encoding="utf-8"))
REST = json.loads((GOLDEN / "rest_0006.json").read_text(encoding="utf-8"))
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "countersign.db"


@pytest.fixture
def old_url(path: Path) -> str:
    """A store as version 0006 of the schema left it."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript((GOLDEN / "store_0006.sql").read_text(encoding="utf-8"))
    return f"sqlite+aiosqlite:///{path}"


def inner(run: Run) -> dict[str, Any]:
    """What a run's JSON leaves out."""
    return {
        "sequence": run.sequence,
        "revision": run.revision,
        "event": run.request.origin.event,
        "waited": run.waited,
        "requirement": CODEC.to_json(run.gate.requirement) if run.gate is not None else None,
        "votes": [vote.digest for vote in run.votes],
        "steps": [
            [row.position, row.key, row.place, row.attempt, row.begun, row.offset, row.tail] for row in run.steps
        ],
    }


async def read(reader: StoreReader) -> dict[str, Any]:
    """Every run, as `countersign runs` gives it to scripts."""
    runs = await reader.runs.recent(100)
    shown = [await reader.runs.get(run.id) for run in runs]
    return {
        "list": [run_json.summary(run) for run in runs],
        "runs": {run.id: run_json.whole(run, await reader.history.of_run(run.id)) for run in shown if run is not None},
        "output": {run.id: run_json.output(assemble_output(run, await reader.runs.output(run.id))) for run in runs},
    }


async def rest(reader: StoreReader) -> dict[str, Any]:
    """Everything else that can be read."""
    runs = await reader.runs.recent(100)
    head = await reader.history.head()
    return {
        "inner": {run.id: inner(run) for run in runs},
        "unfinished": [each.run for each in await reader.runs.unfinished()],
        "owing": list(await reader.runs.awaiting_late_approval()),
        "unpublished": list(await reader.messages.unpublished()),
        "messages": {
            run.id: {
                slot: [posted.channel, posted.ts, posted.fingerprint, posted.state.value]
                for slot, posted in (await reader.messages.of_run(run.id)).items()
            }
            for run in runs
        },
        "inbox": [[event.id, event.kind.value, event.body] for event in await reader.inbox.waiting(100)],
        "locks": [_lock(lock) for lock in await reader.locks.all()],
        "notices": [
            [notice.number, notice.news.value, _lock(notice.lock), notice.by, notice.channel, notice.at.isoformat()]
            for notice in await reader.lock_notices.waiting()
        ],
        "petitions": [
            [asked.run, asked.actor, asked.at.isoformat()] for asked in await reader.cancel_requests.waiting()
        ],
        "viewers": [_viewer(viewer) for viewer in await reader.home_viewers.opened_since(LONG_AGO)],
        "head": [head.sequence, head.hash],
        "seconds": list(await reader.runs.step_seconds("compte", "production", "migrate", 5)),
    }


def _lock(lock: Lock) -> list[str]:
    return [lock.target.app, lock.target.environment, lock.owner, lock.reason, lock.since.isoformat()]


def _viewer(viewer: Viewer) -> list[str]:
    return [viewer.user, viewer.chosen, viewer.opened_at.isoformat()]


async def test_every_run_is_read_as_it_was(old_url: str) -> None:
    async with open_store(old_url):
        pass  # its owner brings it to the newest schema
    async with open_readonly(old_url) as reader:
        assert await read(reader) == RUNS
        assert await rest(reader) == REST
        assert await first_broken(reader.history) is None


async def test_the_owner_finds_it_as_it_was(old_url: str) -> None:
    async with open_store(old_url) as store:
        assert await read(store) == RUNS
        assert await rest(store) == REST
        assert await first_broken(store.history) is None
        assert await store.leader_leases.position("forwarding") == 17
        assert await store.leader_leases.position("publishing") == 0
        assert await store.leader_leases.acquire("forwarding")
        assert not await store.schedule_claims.claim("backup compte production", AT, "one")


async def test_what_it_remembers_is_gone_on_with(old_url: str) -> None:
    async with open_store(old_url) as store:
        lease = await store.leases.claim("R-000006", "one", timedelta(hours=1))
        assert lease is not None
        assert lease.token == 2
        assert (await store.runs.create("R-99", request("Ev-R-000001"), AT, entry("R-99"))).id == "R-000001"
        await store.runs.create("R-99", request("Ev-new"), AT, entry("R-99"))
        assert await first_broken(store.history) is None


def test_the_golden_runs_stand_in_every_state() -> None:
    assert {run["state"] for run in RUNS["list"]} == {state.value for state in RunState}


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004", "0005"])
async def test_a_store_with_an_earlier_schema_is_brought_up_to_date(old_url: str, path: Path, revision: str) -> None:
    earlier = path.with_name("earlier.db")
    engine = create_engine(f"sqlite:///{earlier}")
    with engine.begin() as connection:
        command.upgrade(upgrade.configuration(connection), revision)
    engine.dispose()
    copy_what_fits(path, earlier)
    async with open_store(f"sqlite+aiosqlite:///{earlier}") as store:
        assert await read(store) == RUNS
        assert await first_broken(store.history) is None
        target = TargetName("compte", "production")
        assert [run.id for run in await store.overviews.releases(target, 9)] == ["R-000001"]


def copy_what_fits(source: Path, target: Path) -> None:
    """Copy the rows of one store into the tables and columns that another has."""
    with contextlib.closing(sqlite3.connect(target)) as connection, connection:
        connection.execute("ATTACH ? AS source", (str(source),))
        for (table,) in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall():
            if table in {"alembic_version", "sqlite_sequence"}:
                continue
            found = connection.execute(f"SELECT name FROM pragma_table_info('{table}')").fetchall()
            columns = ", ".join(f'"{name}"' for (name,) in found)
            connection.execute(f"DELETE FROM main.{table}")
            connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM source.{table}")
