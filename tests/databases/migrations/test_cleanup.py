"""Removing what killed rehearsals and proofs left, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.databases.migrations.cleanup import ScratchCleanup, run_of
from bot.databases.server.connector import Connector
from bot.demo.application.git import git
from bot.demo.host.database import DatabaseServer
from bot.demo.host.host import DemoHost
from bot.domain.runs.run import RunState
from bot.domain.shell import syntax
from bot.hosts.connections import Connections
from bot.hosts.tunnels import Tunnels
from bot.sandbox.plan import script
from tests.databases.support.local import KeptOutput
from tests.databases.support.rehearsals import Stage, nothing_left
from tests.databases.support.remembered import Remembered
from tests.support import eventually


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("compte_countersign_rehearsal_7k3f9q", "R-7K3F9Q"),
        ("compte_countersign_rehearsal_7k3f9q_p", "R-7K3F9Q"),
        ("compte_countersign_proof_7k3f9q", "R-7K3F9Q"),
        ("compte_countersign_restore_7k3f9q", None),  # it may be live by now
        ("compte_countersign_old_7k3f9q", None),
        ("compte_countersign_rehearsal_", None),
        ("compte_countersign_rehearsal_7k3f9q_of_mine", None),
        ("other_countersign_rehearsal_7k3f9q", None),
        ("compte", None),
    ],
)
def test_only_names_that_rehearsals_and_proofs_make_are_known(name: str, run: str | None) -> None:
    assert run_of(name, "compte") == run


@pytest.fixture
async def stage(stage: Stage) -> AsyncIterator[Stage]:
    yield stage
    await git(stage.app.path, "worktree", "prune")


def sweeper_of(hosts: Connections, **states: RunState) -> ScratchCleanup:
    runs = Remembered({f"R-{name}": state for name, state in states.items()})
    return ScratchCleanup(Connector(Tunnels(hosts).open), hosts, runs.get)


async def test_databases_of_runs_that_are_over_are_dropped_and_all_others_stay(
    stage: Stage, hosts: Connections, mariadb: DatabaseServer
) -> None:
    live = stage.app.database.name
    over = [f"{live}_countersign_{name}" for name in ("rehearsal_over", "rehearsal_over_p", "proof_over")]
    stay = [f"{live}_countersign_{name}" for name in ("rehearsal_goes", "rehearsal_alien", "restore_over", "notes")]
    for name in (*over, *stay):
        await mariadb.query(f"CREATE DATABASE `{name}`")
    sweeper = sweeper_of(hosts, OVER=RunState.FAILED, GOES=RunState.PLANNING)
    await sweeper.sweep([stage.target])
    rows = await mariadb.query(
        "SELECT schema_name AS name FROM information_schema.schemata WHERE schema_name LIKE %s", f"{live}%"
    )
    assert {row["name"] for row in rows} == {live, *stay}
    assert await sweeper.databases(stage.target) == ()


async def test_without_scratch_nothing_is_dropped(stage: Stage, hosts: Connections, mariadb: DatabaseServer) -> None:
    name = f"{stage.app.database.name}_countersign_rehearsal_over"
    await mariadb.query(f"CREATE DATABASE `{name}`")
    stage.scratch = False
    await sweeper_of(hosts, OVER=RunState.FAILED).sweep([stage.target])
    assert await mariadb.query("SELECT 1 AS there FROM information_schema.schemata WHERE schema_name = %s", name)


async def test_a_database_that_cannot_be_reached_does_not_keep_the_worktrees(
    stage: Stage, hosts: Connections, free_port: int
) -> None:
    database = stage.target.database
    assert database is not None
    owner = stage.app.path / ".git" / "countersign-rehearsal-gone.owner"
    owner.write_text("4194304 1\n")
    await sweeper_of(hosts).sweep([replace(stage.target, database=replace(database, port=free_port))])
    assert not owner.exists()


async def test_what_a_killed_rehearsal_left_is_gone_and_what_another_does_is_left_alone(
    stage: Stage, hosts: Connections, mariadb: DatabaseServer, ssh_host: DemoHost
) -> None:
    await stage.push("sleeps_for_long", "DB::statement('do sleep(62)');")
    sweeper = sweeper_of(hosts, DEAD=RunState.FAILED, ALIVE=RunState.PLANNING)
    since = mariadb.log_position()
    dying = asyncio.create_task(stage.performer.perform(await stage.job("R-DEAD"), KeptOutput()))
    await eventually(lambda: any("do sleep(62)" in s.text for s in mariadb.statements(since) if s.ran), seconds=30)
    assert await sweeper.worktrees(stage.target) == ()
    for pid in ssh_host.left_processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    await dying
    old = Path(ssh_host.environment["TMPDIR"]) / "countersign-look.AAAAAA"
    young = old.with_suffix(".BBBBBB")
    for folder in (old, young):
        folder.mkdir()
    os.utime(old, (time.time() - 200_000,) * 2)

    await sweeper.sweep([stage.target])
    assert (old.exists(), young.exists()) == (False, True)
    await nothing_left(stage.app, mariadb)
    at_work = asyncio.create_task(stage.performer.perform(job := await stage.job("R-ALIVE"), KeptOutput()))
    await eventually(lambda: list(stage.app.path.glob(".git/countersign-rehearsal-alive/artisan")), seconds=30)
    await sweeper.sweep([stage.target])
    left = sorted(path.name for path in stage.app.path.glob(".git/countersign-*"))
    assert left == ["countersign-rehearsal-alive", "countersign-rehearsal-alive.owner"]
    young.rmdir()
    await stage.performer.end(job)
    await at_work
    await nothing_left(stage.app, mariadb)


async def sandbox_on(hosts: Connections) -> Path:
    """Leave on the host what a sandbox leaves whose step was killed, and give its folder."""
    text = script("place.sh") + 'umask 077; find_place; mkdir -p "$box/work/closed/in"; chmod 0 "$box/work/closed"\n'
    answer = await hosts.read("web1", syntax(text + "printf '%s' \"$box\""), 20)
    return Path(answer.stdout.decode())


@pytest.mark.parametrize("database", [False, True])
async def test_a_sandbox_is_removed_whatever_the_target_s_scratch_is(
    database: bool, stage: Stage, hosts: Connections
) -> None:
    stage.scratch = False
    target = stage.target if database else replace(stage.target, database=None)
    box = await sandbox_on(hosts)
    await sweeper_of(hosts).sweep([target, replace(target, path="/elsewhere")])
    assert not box.exists()
    assert await sweeper_of(hosts).sandboxes(target) == ()


async def test_a_sandbox_that_is_at_work_is_left_alone(stage: Stage, hosts: Connections) -> None:
    box = await sandbox_on(hosts)
    sweeper = sweeper_of(hosts)
    with (box.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert await sweeper.sandboxes(stage.target) == ()
        assert box.exists()
    assert await sweeper.sandboxes(stage.target) == (str(box),)
    assert not box.exists()
