"""Backups by mydumper that go wrong are none, and what was begun is taken away."""
# ruff: noqa: ASYNC220, ASYNC240 - nothing else waits while a test looks at its own small files

import asyncio
import os
import subprocess
import time
from pathlib import Path

import pytest

from bot.databases.backups.dump_script import REMOVE_STALE, DumpStage
from bot.databases.backups.host_catalog import BackupState, HostCatalog
from bot.databases.migrations.cleanup import ScratchCleanup
from bot.databases.server.connector import Connector
from bot.demo.host.database import DemoDatabase
from bot.domain.targets.target import Target
from bot.engine.ports import Done
from tests.databases.backups.mydumper.large import FILE, left_in
from tests.databases.support.local import KeptOutput, LocalHost, stand_in
from tests.databases.support.remembered import Remembered
from tests.databases.support.steps import BACKUP, failed, job_of, performer
from tests.support import eventually


def slow(tmp_path: Path) -> LocalHost:
    """A host whose mydumper says that it has begun, and comes to no end."""
    path = stand_in(
        tmp_path / "bin", "mydumper",
        f'case "$*" in *--help*) ;; *) : >{tmp_path}/begun; exec sleep 60 ;; esac; exec /usr/bin/mydumper "$@"',
    )  # fmt: skip
    return LocalHost(path)


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ('/usr/bin/mydumper "$@"; exit 3', DumpStage.DUMP),
        ('/usr/bin/mydumper "$@"; echo "** (mydumper:1): CRITICAL **: half of it" >&2', DumpStage.DUMP),
        ('/usr/bin/mydumper "$@"; echo started >"$out/metadata"', DumpStage.TRAILER),
    ],
)
async def test_a_dump_that_lies_is_found_out(
    text: str, stage: DumpStage, filled: DemoDatabase, target: Target, folder: Path, tmp_path: Path
) -> None:
    find_out = (
        "for word; do case $word in --outputdir=*) out=${word#*=} ;;"
        " --help) exec /usr/bin/mydumper --help ;; esac; done"
    )
    # It begins before it fails: what does not begin is dumped otherwise.
    path = stand_in(tmp_path / "bin", "mydumper", f"{find_out}\n{text}".replace("; exit 3", "; sleep 1; exit 3"))
    failed(await performer(LocalHost(path)).perform(job_of(target), KeptOutput()), stage)
    assert left_in(folder) == set()


async def test_a_disk_that_fills_meanwhile_is_no_backup(
    filled: DemoDatabase, target: Target, folder: Path, tmp_path: Path
) -> None:
    find_free = (
        'printf "Filesystem 1024-blocks Used Available Capacity Mounted\\n/dev/x 9 1 "; '
        f'if [ -e {tmp_path}/begun ]; then echo "5 1% /"; else echo "900000 1% /"; fi'
    )
    stand_in(tmp_path / "bin", "df", find_free)
    failed(await performer(slow(tmp_path)).perform(job_of(target), KeptOutput()), DumpStage.SPACE)
    assert left_in(folder) == set()


async def test_what_is_ended_leaves_nothing(filled: DemoDatabase, target: Target, folder: Path, tmp_path: Path) -> None:
    host = slow(tmp_path)
    job = job_of(target)
    dumping = asyncio.create_task(performer(host).perform(job, KeptOutput()))
    await eventually((tmp_path / "begun").exists, 30, what="mydumper has begun")
    assert any(name.endswith(".part") for name in left_in(folder))
    await host.end(job)
    assert not isinstance(await dumping, Done)
    await eventually(lambda: not host.processes(), 20, what="everything has ended")
    assert left_in(folder) == set()


async def test_what_a_killed_one_left_is_taken_away_by_the_next(
    filled: DemoDatabase, target: Target, folder: Path, tmp_path: Path
) -> None:
    host = slow(tmp_path)
    dumping = asyncio.create_task(performer(host).perform(job_of(target), KeptOutput()))
    await eventually((tmp_path / "begun").exists, 30, what="mydumper has begun")
    os.killpg(host.group, 9)
    assert not isinstance(await dumping, Done)
    assert f"{BACKUP}.mydumper.1.part" in left_in(folder)
    assert (await HostCatalog(host).find("web1", str(folder), BACKUP)).state is BackupState.UNFINISHED
    outcome = await performer(LocalHost()).perform(job_of(target, attempt=2), KeptOutput())
    assert isinstance(outcome, Done), outcome
    assert left_in(folder) == {FILE, f"{BACKUP}.json"}


async def test_what_nobody_is_at_work_in_is_swept(
    target: Target, host: LocalHost, folder: Path, connections: Connector
) -> None:
    folder.mkdir()
    script = f'{REMOVE_STALE}\nmkdir "$1"; printf "%s %s\\n" "$$" "$(born "$$")" >"$1/owner"; echo; read -r _'
    at_work, gone = folder / "B-000001.mydumper.1.part", folder / "B-000002.mydumper.proof-1.part"
    owners = [
        subprocess.Popen(["sh", "-c", script, "sh", str(part)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for part in (at_work, gone)
    ]
    for owner in owners:
        assert owner.stdout is not None
        owner.stdout.readline()
    owners[1].communicate()
    day = 86_400
    for name, days in (("B-000003.sql.1.part", 2), ("B-000004.sql.1.part", 0), ("B-000005.sql.zst", 9), ("x.part", 9)):
        (folder / name).touch()
        then = time.time() - days * day
        os.utime(folder / name, (then, then))
    sweeper = ScratchCleanup(connections, host, Remembered({}).get)
    assert set(await sweeper.parts(target)) == {str(gone), str(folder / "B-000003.sql.1.part")}
    assert left_in(folder) == {at_work.name, "B-000004.sql.1.part", "B-000005.sql.zst", "x.part"}
    owners[0].communicate()
    assert await sweeper.parts(target) == (str(at_work),)
