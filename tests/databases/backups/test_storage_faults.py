"""Backups kept elsewhere than on their host: lines that are cut, files that changed, places that take nothing."""
# ruff: noqa: ASYNC221, ASYNC240 - nothing else waits while a test looks at its own small files

import asyncio
import hashlib
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from bot.databases.backups.restore_script import RestoreStage
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.demo.host.host import DemoHost
from bot.domain.errors import Reason
from bot.domain.runs.acts import Dump, Load, Prove
from bot.domain.secrets import Secret
from bot.domain.targets.target import Backups, BotDirectory
from bot.engine.ports import Done, Failed, Unknown
from tests.databases.support.at_work import at_work_on, waiting_for_pipes_on
from tests.databases.support.contents import databases_beside, session_of
from tests.databases.support.held_up import Hold, locked
from tests.databases.support.local import KeptOutput
from tests.databases.support.rooms import BACKUP, FILE, Room, folder_of, kept_in
from tests.support import eventually, numbers
from tests.support.bucket import S3
from tests.support.vendors import PROGRAMS


@pytest.mark.usefixtures("filled")
async def test_nothing_is_called_a_backup_when_the_login_is_refused(in_directory: Room, ssh_host: DemoHost) -> None:
    room = in_directory
    assert room.target.database is not None
    room.target = replace(room.target, database=replace(room.target.database, password=Secret("wrong-password")))
    outcome = await room.dumping.perform(room.job(Dump(BACKUP)), KeptOutput())
    assert isinstance(outcome, Failed)
    assert (outcome.problem.facts["stage"], outcome.problem.facts["cause"]) == ("login", "database_login_refused")
    await eventually(lambda: not waiting_for_pipes_on(ssh_host), seconds=30)
    assert await kept_in(room) == []


async def test_a_dump_whose_connection_is_cut_leaves_nothing(
    room: Room, database: DemoDatabase, ssh_host: DemoHost
) -> None:
    async with session_of(database) as cursor:
        await cursor.execute("CREATE TABLE a_first (t LONGBLOB)")
        await cursor.execute(f"INSERT INTO a_first SELECT RANDOM_BYTES(1000) FROM {numbers(3000)}")
    output = KeptOutput()
    async with locked(database):
        dumping = asyncio.create_task(room.dumping.perform(room.job(Dump(BACKUP)), output))
        await eventually(lambda: ssh_host.commands.ran(PROGRAMS.dumper), seconds=20)
        ssh_host.cut_sessions()
        outcome = await dumping
    assert isinstance(outcome, Unknown), "it only reads, so it is begun anew"
    assert outcome.problem.reason is Reason.HOST_UNREACHABLE
    assert await kept_in(room) == []
    await eventually(lambda: not at_work_on(ssh_host), seconds=20)


async def test_a_restore_whose_connection_is_cut_is_made_again(
    in_directory: Room, database: DemoDatabase, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    room = in_directory
    async with session_of(database) as cursor:
        await cursor.execute("CREATE TABLE wide (t LONGBLOB)")
        await cursor.execute(f"INSERT INTO wide SELECT RANDOM_BYTES(1000) FROM {numbers(20000)}")
    facts = await room.dumped()
    job = room.job(Load(BACKUP, facts["sha256"], room.beside("restore")))
    loading = asyncio.create_task(room.loading.perform(job, KeptOutput()))
    await eventually(lambda: list(ssh_host.home.rglob("*.in.open")) or loading.done(), seconds=30)
    ssh_host.cut_sessions()
    outcome = await loading
    assert isinstance(outcome, Unknown), outcome
    assert outcome.problem.reason is Reason.HOST_UNREACHABLE
    assert await databases_beside(mariadb, room.target) == [], "the copy went with what was cut"
    outcome = await room.loading.perform(replace(job, attempt=2), KeptOutput())
    assert isinstance(outcome, Done), outcome
    assert await databases_beside(mariadb, room.target) == [room.beside("restore")]


async def test_a_bot_that_is_gone_half_way_leaves_no_backup_and_the_next_one_makes_it(
    room: Room, database: DemoDatabase, ssh_host: DemoHost
) -> None:
    output = KeptOutput()
    job = room.job(Dump(BACKUP))
    async with locked(database):
        dumping = asyncio.create_task(room.dumping.perform(job, output))
        await eventually(lambda: output.claimed and ssh_host.commands.ran(PROGRAMS.dumper), seconds=20)
        dumping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dumping
        assert await kept_in(room) == []
        resumed = await room.dumping.resume(job, KeptOutput())
    assert isinstance(resumed, Unknown)
    assert resumed.problem.reason is Reason.OUTCOME_UNKNOWN
    await eventually(lambda: not at_work_on(ssh_host), seconds=20)
    outcome = await room.dumping.perform(replace(job, attempt=2), KeptOutput())
    assert isinstance(outcome, Done), outcome
    assert await kept_in(room) == [f"{BACKUP}.json", FILE]


@pytest.mark.usefixtures("filled")
async def test_a_file_that_changed_is_no_backup_and_is_not_loaded(in_directory: Room, mariadb: DatabaseServer) -> None:
    room = in_directory
    facts = await room.dumped()
    kept = folder_of(room) / FILE
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 1
    kept.write_bytes(content)
    check = await room.proving.perform(room.job(Prove(BACKUP, None)), KeptOutput())
    proof = await room.proved()
    load = Load(BACKUP, facts["sha256"], room.beside("restore"))
    loaded = await room.loading.perform(room.job(load), KeptOutput())
    for outcome in (check, proof, loaded):
        assert isinstance(outcome, Failed), outcome
        assert outcome.problem.reason is Reason.NOT_RESTORABLE
        assert outcome.problem.facts["stage"] == RestoreStage.FILE.value
    assert (await room.manifest())["proof"] == "damaged"
    assert await databases_beside(mariadb, room.target) == []
    kept.write_bytes(content[:-1])
    backup_list = await room.catalog.backup_list(room.target)
    assert (backup_list.backups, backup_list.unreadable) == ((), (f"{BACKUP}.json",))


@pytest.mark.usefixtures("filled")
async def test_what_differs_is_refuted_where_it_is_kept(in_directory: Room) -> None:
    room = in_directory
    await room.dumped()
    manifest = await room.manifest()
    manifest["rows"]["people"] = [5, "1", 5, "1"]
    await room.storage.put(f"{BACKUP}.json", json.dumps(manifest, indent=2).encode())
    outcome = await room.proved()
    assert isinstance(outcome, Failed)
    assert "people" in outcome.problem.facts["detail"]
    assert (await room.manifest())["proof"] == "refuted"


@pytest.mark.usefixtures("filled")
async def test_a_dump_that_does_not_load_is_refuted_though_the_server_reads_no_further(in_directory: Room) -> None:
    room = in_directory
    await room.dumped()
    kept = folder_of(room) / FILE
    text = subprocess.run(["zstd", "-dc", str(kept)], capture_output=True, check=True).stdout
    # more behind it than any pipe holds
    spoilt = text.replace(b"CREATE TABLE", b"CREATE TABEL", 1) + b"-- " + b"x\n-- " * 2_000_000
    packed = subprocess.run(["zstd", "-1", "-q", "-c"], input=spoilt, capture_output=True, check=True).stdout
    kept.write_bytes(packed)
    manifest = await room.manifest()
    manifest |= {"bytes": len(packed), "sha256": hashlib.sha256(packed).hexdigest()}
    manifest["proof"] = manifest.pop("proof")
    await room.storage.put(f"{BACKUP}.json", json.dumps(manifest, indent=2).encode())
    outcome = await room.proved()
    assert isinstance(outcome, Failed)
    assert outcome.problem.facts["stage"] == RestoreStage.REFUTED.value, outcome
    assert (await room.manifest())["proof"] == "refuted"


@pytest.mark.usefixtures("filled")
async def test_a_store_that_takes_nothing_is_said_to(in_directory: Room, s3: S3, ssh_host: DemoHost) -> None:
    room = in_directory.keeping(Backups("", store=s3.bucket("there-is-none")))
    outcome = await room.dumping.perform(room.job(Dump(BACKUP)), KeptOutput())
    assert isinstance(outcome, Failed)
    assert outcome.problem.reason is Reason.BACKUP_STORE_FAILED
    assert "a-secret-of-the-bucket" not in str(outcome)
    await eventually(lambda: not at_work_on(ssh_host), seconds=20)


def in_store(folder: Path) -> Backups:
    return Backups("", store=BotDirectory(str(folder)))


async def test_a_dump_stops_before_it_fills_the_disk_of_the_bot(
    in_directory: Room, database: DemoDatabase, small_disk: Path
) -> None:
    async with session_of(database) as cursor:
        await cursor.execute("CREATE TABLE t (t LONGBLOB)")
        await cursor.execute(f"INSERT INTO t SELECT RANDOM_BYTES(1000) FROM {numbers(24000)}")
    room = in_directory.keeping(in_store(small_disk))
    outcome = await room.dumping.perform(room.job(Dump(BACKUP)), KeptOutput())
    assert isinstance(outcome, Failed), outcome
    assert "KiB free" in outcome.problem.facts["detail"]
    assert await kept_in(room) == []
    assert [path for path in small_disk.rglob("*") if path.is_file()] == []


@pytest.mark.usefixtures("filled")
async def test_too_little_room_at_the_bot_is_seen_before_the_dump(
    in_directory: Room, small_disk: Path, ssh_host: DemoHost
) -> None:
    room = in_directory.keeping(in_store(small_disk))
    await room.dumped("B-20261116-BEFORE")
    (small_disk / "other").write_bytes(bytes(9 * 1024 * 1024))
    before = len(ssh_host.commands.ran(PROGRAMS.dumper))
    outcome = await room.dumping.perform(room.job(Dump(BACKUP)), KeptOutput())
    assert isinstance(outcome, Failed)
    assert (outcome.problem.facts["stage"], outcome.problem.facts["cause"]) == ("space", "disk_full")
    assert len(ssh_host.commands.ran(PROGRAMS.dumper)) == before


async def test_a_restore_that_takes_longer_than_its_step_may_says_so(
    in_directory: Room, database: DemoDatabase, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    room = in_directory
    async with session_of(database) as cursor:  # more than pipes hold
        await cursor.execute("CREATE TABLE wide (t LONGBLOB)")
        await cursor.execute(f"INSERT INTO wide SELECT RANDOM_BYTES(1000) FROM {numbers(20000)}")
    facts = await room.dumped()
    job = room.job(Load(BACKUP, facts["sha256"], room.beside("restore")))
    # The hosts' record of commands does not have this program.
    unpacker = Hold(ssh_host.commands.bin, "zstd", "*-d*")
    try:
        outcome = await room.loading.perform(replace(job, step=replace(job.step, timeout=2)), KeptOutput())
        assert unpacker.there.exists()
    finally:
        for left in (unpacker.path / "zstd", unpacker.there):
            left.unlink(missing_ok=True)
    assert isinstance(outcome, Failed), outcome
    assert outcome.problem.reason is Reason.TIMED_OUT, outcome
    await eventually(lambda: not at_work_on(ssh_host), seconds=20)
    assert await databases_beside(mariadb, room.target) == []
