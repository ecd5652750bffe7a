"""Dumps and the disk that they are written to: too little room is seen before, and a disk that fills is no backup."""
# ruff: noqa: ASYNC240 - nothing else waits while a test looks at its own small files

from dataclasses import replace
from pathlib import Path

from bot.databases.backups.dump import DumpPerformer
from bot.databases.backups.dump_script import DumpContext, DumpStage
from bot.demo.host.database import DemoDatabase
from bot.domain.errors import Reason
from bot.domain.targets.target import Backups as BackupSettings
from bot.domain.targets.target import Target
from tests.databases.support.contents import session_of
from tests.databases.support.local import KeptOutput, LocalHost, access_to, stand_in
from tests.databases.support.steps import done, failed, job_of, performer
from tests.support import numbers
from tests.support.vendors import PROGRAMS


async def test_too_little_space_is_seen_before_anything_is_written(
    target: Target, filled: DemoDatabase, folder: Path, tmp_path: Path
) -> None:
    path = stand_in(
        tmp_path / "bin", "df",
        "echo 'Filesystem 1024-blocks Used Available Capacity Mounted on'; echo 'a disk 9000 8000 1000 89% /a mount'",
    )  # fmt: skip
    facts = failed(await performer(LocalHost(path)).perform(job_of(target), KeptOutput()), DumpStage.SPACE)
    assert facts["cause"] == Reason.DISK_FULL.value
    assert "1000 KiB free" in facts["detail"]
    assert list(folder.iterdir()) == []


async def test_the_room_that_is_needed_is_judged_by_the_backup_before(
    target: Target, filled: DemoDatabase, folder: Path, tmp_path: Path
) -> None:
    path = stand_in(
        tmp_path / "bin", "df",
        "echo 'Filesystem 1024-blocks Used Available Capacity Mounted on'; echo 'd 900000 8000 100000 89% /m'",
    )  # fmt: skip
    host = LocalHost(path)

    def performer_after(before: DumpContext) -> DumpPerformer:
        async def known(_: Target, __: tuple[str, ...]) -> DumpContext:
            return before

        return DumpPerformer(access_to(host), known, pauses=(0.01,))

    large = performer_after(DumpContext("B-1", 40_000_000, 1))
    facts = failed(await large.perform(job_of(target), KeptOutput()), DumpStage.SPACE)
    assert "100000 KiB free" in facts["detail"]
    done(await performer_after(DumpContext("B-1", 1000, 10**12)).perform(job_of(target), KeptOutput()))


async def test_a_file_that_cannot_grow_is_no_backup(target: Target, database: DemoDatabase, folder: Path) -> None:
    async with session_of(database) as cursor:
        await cursor.execute("CREATE TABLE t (t LONGBLOB)")
        await cursor.execute(f"INSERT INTO t SELECT RANDOM_BYTES(1000) FROM {numbers(500)}")
    host = LocalHost(before="ulimit -f 100")
    failed(await performer(host).perform(job_of(target), KeptOutput()), DumpStage.COMPRESS)
    assert list(folder.iterdir()) == []


async def test_a_disk_that_fills_meanwhile_is_no_backup(
    target: Target, database: DemoDatabase, small_disk: Path, tmp_path: Path
) -> None:
    async with session_of(database) as cursor:
        await cursor.execute("CREATE TABLE t (t LONGBLOB)")
        await cursor.execute(f"INSERT INTO t SELECT RANDOM_BYTES(1000) FROM {numbers(4000)}")
    target = replace(target, backups=BackupSettings(str(small_disk / "backups")))
    path = stand_in(
        tmp_path / "bin", PROGRAMS.dumper,
        f'case " $* " in *" --single-transaction "*) head -c 90000000 /dev/zero >{small_disk}/other ;; esac\n'
        f'exec /usr/bin/{PROGRAMS.dumper} "$@"',
    )  # fmt: skip
    facts = failed(await performer(LocalHost(path)).perform(job_of(target), KeptOutput()), DumpStage.COMPRESS)
    assert "No space left" in facts["detail"]
    assert list((small_disk / "backups").iterdir()) == []
