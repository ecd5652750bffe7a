"""The layout of the journal is committed with the intent; an attempt is looked for where its version put it."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.domain.runs.findings import facts_of
from bot.domain.runs.journal_layout import JournalLayout
from bot.domain.runs.run import RunState, StepState
from bot.engine.ports import Job, Outcome, Output
from tests.engine.support.world import APPROVE, Hosts, SmallWorld
from tests.support.polling import eventually


@dataclass
class Layouts(Hosts):
    """Hosts that note in which layout each step was looked for, and which one its intent had."""

    asked: list[tuple[str, JournalLayout]] = field(default_factory=list)
    stored: dict[str, str] = field(default_factory=dict)
    folder: Path = Path()

    async def perform(self, job: Job, output: Output) -> Outcome:
        self.asked.append((job.step.key, job.journal))
        with sqlite3.connect(self.folder / "store.db") as store:
            query = "SELECT facts FROM steps WHERE run = ? AND step = ? AND place = ?"
            [(self.stored[job.step.key],)] = store.execute(query, (job.run, job.step.key, job.place)).fetchall()
        return await super().perform(job, output)


@pytest.fixture
def hosts(world: SmallWorld, tmp_path: Path) -> Layouts:
    world.hosts = Layouts(folder=tmp_path)
    world.new_engine()
    return world.hosts


async def test_the_layout_is_committed_before_the_host_is_asked_and_shown_nowhere(
    world: SmallWorld, hosts: Layouts
) -> None:
    run = await world.submit()
    found = await world.until(run, RunState.AWAITING_APPROVAL)
    assert {layout for _, layout in hosts.asked} == {JournalLayout.RUN_AND_PLACE}
    assert set(hosts.stored.values()) == {'{"journal":"2"}'}
    assert found.plan is not None
    assert all("journal" not in facts_of(finding) for finding in found.plan.findings)
    assert all("journal" not in record.entry.facts for record in await world.store.history.of_run(run))


async def test_a_run_that_an_earlier_version_began_goes_on_where_its_journal_is(
    world: SmallWorld, hosts: Layouts, tmp_path: Path
) -> None:
    hosts.blocked["backup"] = asyncio.Event()
    run = await world.submit()
    await eventually(lambda: hosts.starts("backup") == 1, 10)
    await world.engine.drain()
    with sqlite3.connect(tmp_path / "store.db") as store:  # what the earlier version would have written
        store.execute("UPDATE steps SET facts = json_remove(facts, '$.journal') WHERE run = ?", (run,))
        store.execute("UPDATE steps SET begun = 0 WHERE run = ?", (run,))
    hosts.asked.clear()
    hosts.blocked["backup"].set()
    await world.new_engine().start()
    found = await world.until(run, RunState.AWAITING_APPROVAL)
    assert hosts.starts("backup") == 1
    assert hosts.asked[0] == ("backup", JournalLayout.RUN)
    assert found.rows("backup")[0].state is StepState.DONE
    # its later steps read the notes of the earlier ones
    world.people.said = {"U0BOB": APPROVE}
    await world.until(run, RunState.SUCCEEDED, RunState.FAILED, RunState.NEEDS_HUMAN, RunState.EXPIRED)
    assert {layout for key, layout in hosts.asked} == {JournalLayout.RUN}
