"""Faults while a backup is made, proven or put back, on a real MariaDB.

After each: no `.part` is called a backup, no scratch database is left, and the live data is as it was.
"""
# ruff: noqa: ASYNC240 - nothing else waits while a test looks at its own small files

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.databases.backups.dump_script import DumpStage
from bot.databases.backups.host_catalog import HostCatalog
from bot.databases.backups.leftovers import LeftoverReader
from bot.databases.backups.restore import LoadPerformer, SwapPerformer
from bot.databases.backups.restore_script import RestoreStage
from bot.databases.server.connector import Connector
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.backups.backup import Proof
from bot.domain.runs.acts import Load
from bot.domain.targets.target import Target
from bot.engine.ports import Done
from tests.databases.support.contents import checksums, databases_beside, definitions, session_of
from tests.databases.support.held_up import Hold, halfway
from tests.databases.support.local import KeptOutput, LocalHost, access_to, prover, stand_in
from tests.databases.support.manifests import manifest_of, rewrite
from tests.databases.support.steps import (
    BACKUP,
    copy_and_old,
    done,
    failed,
    job_of,
    loaded,
    performer,
    prove_job,
    refused,
    step_job,
    swap_job_of,
)
from tests.support import eventually, numbers
from tests.support.vendors import PROGRAMS


@pytest.fixture
def scratch() -> bool:
    return True


@pytest.fixture
async def unharmed(filled: DemoDatabase, target: Target, mariadb: DatabaseServer) -> AsyncIterator[None]:
    """Look afterwards that the live data is as it was and that nothing is left lying about."""
    before = await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)
    yield
    assert (await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)) == before
    assert await databases_beside(mariadb, target) == []
    backup_list = await HostCatalog(LocalHost()).backup_list(target)
    assert target.backups is not None
    files = {path.name for path in Path(target.backups.directory).iterdir()}
    assert files == {f"{kept.backup}{suffix}" for kept in backup_list.backups for suffix in (".json", ".sql.zst")}
    assert backup_list.unreadable == ()


@contextlib.asynccontextmanager
async def server_down(mariadb: DatabaseServer) -> AsyncIterator[None]:
    """A server that is killed, and back afterwards."""
    await mariadb.kill()
    try:
        yield
    finally:
        await mariadb.start()


@pytest.mark.usefixtures("unharmed")
async def test_a_dump_whose_connection_is_killed_half_way_is_no_backup(
    target: Target, database: DemoDatabase, mariadb: DatabaseServer
) -> None:
    try:
        async with halfway(target, database, LocalHost()) as dumping:
            [row] = await mariadb.query(
                "SELECT id FROM information_schema.processlist WHERE state LIKE 'Waiting for table metadata lock'"
                " AND info LIKE '%%z_last%%' AND db = %s",
                database.name,
            )
            await mariadb.query(f"KILL {row['id']}")
            failed(await dumping, DumpStage.DUMP)
    finally:
        await mariadb.query("DROP TABLE a_first, z_last", database=database.name)


@pytest.mark.usefixtures("unharmed")
async def test_a_server_that_dies_in_a_proof_refutes_nothing(
    target: Target, mariadb: DatabaseServer, tmp_path: Path
) -> None:
    done(await performer(LocalHost()).perform(job_of(target), KeptOutput()))
    hold = Hold(tmp_path / "programs", "zstd", "*-d*")
    host, output = LocalHost(hold.path), KeptOutput()
    proving = asyncio.create_task(prover(access_to(host)).perform(prove_job(target), output))
    await hold.reached()
    async with server_down(mariadb):
        hold.on.touch()
        await eventually(lambda: b"ERROR 20" in output.text, 20, what="the load has failed")
        assert not proving.done(), "it waits for the server, to drop the copy"
    refused(await proving, RestoreStage.INTERRUPTED)
    assert manifest_of(target).proof is Proof.CHECKED


@pytest.mark.usefixtures("unharmed")
async def test_a_server_that_dies_in_a_restore_costs_nothing_but_the_copy(
    target: Target, mariadb: DatabaseServer, tmp_path: Path
) -> None:
    made = done(await performer(LocalHost()).perform(job_of(target), KeptOutput()))
    hold = Hold(tmp_path / "programs", "zstd", "*-d*")
    host, output = LocalHost(hold.path), KeptOutput()
    job = step_job(target, Load(BACKUP, made["sha256"], copy_and_old(target)[0]))
    loading = asyncio.create_task(LoadPerformer(access_to(host)).perform(job, output))
    await hold.reached()
    async with server_down(mariadb):
        hold.on.touch()
        await eventually(lambda: b"ERROR 20" in output.text, 20, what="the load has failed")
    refused(await loading, RestoreStage.INTERRUPTED)


async def test_a_server_that_dies_in_the_swap_is_put_right_when_it_is_back(
    filled: DemoDatabase, target: Target, mariadb: DatabaseServer, tmp_path: Path, connections: Connector
) -> None:
    made = done(await performer(LocalHost()).perform(job_of(target), KeptOutput()))
    async with session_of(filled) as cursor:
        await cursor.execute("DELETE FROM sessions")
    before = await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)
    hold = Hold(tmp_path / "programs", "awk", "*object*")  # the tables have moved, and are compared
    host, output = LocalHost(hold.path), KeptOutput()
    hold.on.touch()
    await loaded(host, target, made["sha256"])
    hold.on.unlink()
    hold.there.unlink()
    swap = SwapPerformer(access_to(host), LeftoverReader(connections))
    swapping = asyncio.create_task(swap.perform(swap_job_of(target), output))
    await hold.reached()
    async with server_down(mariadb):
        hold.on.touch()
        await eventually(lambda: b"failed at objects" in output.text, 20, what="the swap has failed")
    refused(await swapping, RestoreStage.OBJECTS)
    assert b"put back as it was" in output.text
    assert (await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)) == before


@pytest.mark.usefixtures("unharmed")
async def test_two_backups_whose_files_were_exchanged_are_found_out(target: Target, database: DemoDatabase) -> None:
    assert target.backups is not None
    other, folder = "B-OTHER0", Path(target.backups.directory)
    done(await performer(LocalHost()).perform(job_of(target), KeptOutput()))
    done(await performer(LocalHost()).perform(job_of(target, "people", backup=other), KeptOutput()))
    one, two = folder / f"{BACKUP}.sql.zst", folder / f"{other}.sql.zst"

    def exchange() -> None:
        shutil.move(one, folder / "aside")
        shutil.move(two, one)
        shutil.move(folder / "aside", two)

    exchange()
    host = LocalHost()
    for backup in (BACKUP, other):
        refused(await prover(access_to(host)).perform(prove_job(target, backup), KeptOutput()), RestoreStage.FILE)
    assert (await HostCatalog(host).backup_list(target)).backups == (), "neither is offered"
    exchange()


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize(
    ("rows", "good"), [([3, "1", 3, "2"], True), ([4, "1", 4, "2"], False)], ids=["same rows", "other rows"]
)
async def test_of_a_dump_from_another_server_version_the_rows_are_compared(
    rows: list[object], good: bool, target: Target
) -> None:
    host = LocalHost()
    done(await performer(host).perform(job_of(target), KeptOutput()))
    figures = {table: [a, "1", c, "2"] for table, (a, _, c, _) in manifest_of(target).rows.items()}
    rewrite(target, server="5.5.62-MariaDB", rows=figures | {"people": rows})
    outcome = await prover(access_to(host)).perform(prove_job(target), KeptOutput())
    assert isinstance(outcome, Done) is good, outcome


@pytest.mark.usefixtures("unharmed")
async def test_a_dump_that_this_server_does_not_understand_says_whose_it_is(target: Target, tmp_path: Path) -> None:
    later, real = "sed 's/DEFAULT CHARSET=utf8mb4/DEFAULT CHARSET=utf9/'", f'/usr/bin/{PROGRAMS.dumper} "$@"'
    program = f'case "$*" in *--single-*) {real} | {later} ;; *) exec {real} ;; esac'
    host = LocalHost(stand_in(tmp_path / "bin", PROGRAMS.dumper, program))
    done(await performer(host).perform(job_of(target), KeptOutput()))
    rewrite(target, server="99.1-MariaDB")
    said = refused(await prover(access_to(host)).perform(prove_job(target), KeptOutput()), RestoreStage.REFUTED)
    assert "ERROR 1115" in said
    assert "dumped from 99.1-MariaDB, and this is " in said


async def test_rows_are_not_gathered_in_memory(database: DemoDatabase, target: Target, mariadb: DatabaseServer) -> None:
    await mariadb.query("CREATE TABLE wide (id INT PRIMARY KEY, body LONGBLOB)", database=database.name)
    async with session_of(database) as cursor:
        await cursor.execute(f"INSERT INTO wide SELECT seq, REPEAT(RANDOM_BYTES(1024), 1024) FROM {numbers(64)}")
    # 64 MiB of rows, twice as much as text: no program has the memory to hold them all.
    most = {"MariaDB": 64_000, "MySQL": 150_000}[PROGRAMS.vendor]  # MySQL's programs alone take 50
    host, output = LocalHost(before=f"ulimit -v {most}"), KeptOutput()
    done(await performer(host).perform(job_of(target), output))
    proven = await prover(access_to(host)).perform(prove_job(target), output)
    assert isinstance(proven, Done), (proven, output.text)
    assert await databases_beside(mariadb, target) == []
