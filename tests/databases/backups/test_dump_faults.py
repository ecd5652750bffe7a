"""Dumps of a real MariaDB that go wrong: each says at which stage, and none is called a backup."""
# ruff: noqa: ASYNC240 - nothing else waits while a test looks at its own small files

import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import aiomysql
import pytest

from bot.databases.backups.dump_script import DumpStage
from bot.databases.backups.host_catalog import BackupState, HostCatalog
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.errors import Reason
from bot.domain.secrets import Secret
from bot.domain.targets.target import Backups as BackupSettings
from bot.domain.targets.target import Target
from bot.engine.ports import Effect, Failed
from tests.databases.support.contents import session_of
from tests.databases.support.held_up import halfway
from tests.databases.support.local import KeptOutput, LocalHost, stand_in
from tests.databases.support.steps import BACKUP, done, failed, job_of, performer
from tests.support import eventually
from tests.support.vendors import PROGRAMS


async def test_settings_that_cannot_be_used_start_nothing(target: Target) -> None:
    host, output = LocalHost(), KeptOutput()
    for unusable in (replace(target, database=None), replace(target, backups=None),
                     replace(target, backups=BackupSettings("relative"))):  # fmt: skip
        failed(await performer(host).perform(job_of(unusable), output), DumpStage.SETTINGS)
    assert not output.claimed


@pytest.mark.parametrize("missing", [("mariadb", "mysql"), ("mariadb-dump", "mysqldump"), ("zstd", "gzip")])
async def test_a_missing_program_is_named(missing: tuple[str, ...], target: Target) -> None:
    facts = failed(await performer(LocalHost(without=missing)).perform(job_of(target), KeptOutput()), DumpStage.TOOLS)
    assert facts["cause"] == Reason.HOST_TOOL_MISSING.value
    assert all(program in facts["detail"] for program in missing)


@pytest.mark.parametrize(
    ("changes", "stage", "cause"),
    [
        ({"password": Secret("wrong-password")}, DumpStage.LOGIN, Reason.DATABASE_LOGIN_REFUSED),
        ({"name": "another"}, DumpStage.LOGIN, Reason.DATABASE_LOGIN_REFUSED),
        ({"port": 1}, DumpStage.CONNECT, Reason.DATABASE_UNREACHABLE),
    ],
)
async def test_a_database_that_is_not_to_be_had_is_said_to_be(
    changes: dict[str, object], stage: DumpStage, cause: Reason, database: DemoDatabase,
    target_of: Callable[..., Target], tmp_path: Path,
) -> None:  # fmt: skip
    output = KeptOutput()
    facts = failed(await performer(LocalHost()).perform(job_of(target_of(database, **changes)), output), stage)
    assert facts["cause"] == cause.value
    assert "ERROR" in facts["detail"]
    assert b"wrong-password" not in output.text
    assert list((tmp_path / "backups").iterdir()) == []


async def test_a_missing_database_is_said_to_be(database: DemoDatabase, target_of: Callable[..., Target]) -> None:
    target = target_of(database, name=f"{database.name}_countersign_gone")
    facts = failed(await performer(LocalHost()).perform(job_of(target), KeptOutput()), DumpStage.DATABASE)
    assert facts["cause"] == Reason.DATABASE_MISSING.value


async def test_a_table_that_is_not_there_fails_the_dump(target: Target, filled: DemoDatabase, folder: Path) -> None:
    facts = failed(await performer(LocalHost()).perform(job_of(target, "gone"), KeptOutput()), DumpStage.DUMP)
    assert "gone" in facts["detail"]
    assert list(folder.iterdir()) == []


async def test_a_killed_dump_is_no_backup(target: Target, database: DemoDatabase, folder: Path) -> None:
    host = LocalHost()
    async with halfway(target, database, host) as dumping:
        assert [path.suffix for path in folder.iterdir()] == [".part"]
        pid = host.pid_of(PROGRAMS.dumper)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        failed(await dumping, DumpStage.DUMP)
    assert list(folder.iterdir()) == []


async def test_a_killed_compressor_is_no_backup(target: Target, database: DemoDatabase, folder: Path) -> None:
    host = LocalHost()
    async with halfway(target, database, host) as dumping:
        # another one unpacks again what this one packs
        pid = next(pid for pid, words in host.processes().items() if "zstd" in words[0] and "-1" in words)
        os.kill(pid, signal.SIGKILL)
        async with session_of(database) as cursor:  # the dump must go on for it to notice
            await cursor.execute("SELECT id FROM information_schema.processlist WHERE command = 'Sleep'")
            for (number,) in await cursor.fetchall():
                with contextlib.suppress(aiomysql.Error):
                    await cursor.execute(f"KILL {number}")
        failed(await dumping, DumpStage.COMPRESS)
    assert list(folder.iterdir()) == []


async def test_a_database_that_dies_gives_no_backup(
    target: Target, database: DemoDatabase, folder: Path, mariadb: DatabaseServer
) -> None:
    async with halfway(target, database, LocalHost()) as dumping:
        await mariadb.kill()
        try:
            failed(await dumping, DumpStage.DUMP)
        finally:
            await mariadb.start()
    assert list(folder.iterdir()) == []


async def test_ending_a_dump_leaves_nothing(target: Target, database: DemoDatabase, folder: Path) -> None:
    host = LocalHost()
    async with halfway(target, database, host) as dumping:
        await performer(host).end(job_of(target))
        outcome = await dumping
        assert isinstance(outcome, Failed)
        assert outcome.problem.reason is not Reason.BACKUP_IMPOSSIBLE, "it was ended, and nothing was wrong with it"
        await eventually(lambda: host.processes() == {})
    assert list(folder.iterdir()) == []


async def test_after_a_host_that_died_the_next_attempt_starts_afresh(
    target: Target, database: DemoDatabase, folder: Path
) -> None:
    host = LocalHost()
    async with halfway(target, database, host) as dumping:
        os.killpg(host.group, signal.SIGKILL)
        assert isinstance(await dumping, Failed)
        (left,) = folder.iterdir()
        assert left.suffix == ".part"
        assert await performer(host).check(job_of(target)) is Effect.CANNOT_TELL
    other = folder / "B-OTHER0.sql.1.part"
    other.write_text("of another backup, which may be being made")
    done(await performer(host).perform(job_of(target, attempt=2), KeptOutput()))
    assert sorted(path.name for path in folder.iterdir()) == [f"{BACKUP}.json", f"{BACKUP}.sql.zst", other.name]


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("echo '-- half a dump'; exit 0", DumpStage.TRAILER),
        ("echo '-- half a dump'; echo '-- Dump completed'; echo 'INSERT'; exit 0", DumpStage.TRAILER),
        ("exit 0", DumpStage.TRAILER),
        ("echo '-- whole'; echo '-- Dump completed on 2025-11-16'; exit 3", DumpStage.DUMP),
        ("echo 'mysqldump: unexpected'; exit 0", DumpStage.COMPRESS),
    ],
)
async def test_a_dump_that_lies_is_found_out(
    text: str, stage: DumpStage, target: Target, folder: Path, tmp_path: Path
) -> None:
    path = stand_in(tmp_path / "bin", PROGRAMS.dumper, f'case " $* " in *" --single-transaction "*) {text} ;; esac')
    failed(await performer(LocalHost(path)).perform(job_of(target), KeptOutput()), stage)
    assert list(folder.iterdir()) == []


async def test_a_packer_that_lies_is_found_out(target: Target, filled: DemoDatabase, tmp_path: Path) -> None:
    path = stand_in(tmp_path / "bin", "zstd", 'case " $* " in *" -1 "*) /usr/bin/zstd "$@" | head -c 300 ;;'
                    ' *) exec /usr/bin/zstd "$@" ;; esac')  # fmt: skip
    failed(await performer(LocalHost(path)).perform(job_of(target), KeptOutput()), DumpStage.INTEGRITY)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda dump: dump.write_bytes(dump.read_bytes()[:-1]),
        lambda dump: dump.write_bytes(dump.read_bytes()[:-1] + bytes([dump.read_bytes()[-1] ^ 1])),
        lambda dump: dump.unlink(),
        lambda dump: dump.with_name(f"{BACKUP}.json").write_text("{}"),
        lambda dump: dump.with_name(f"{BACKUP}.json").write_text("not JSON"),
    ],
)
async def test_a_backup_that_was_spoilt_is_not_called_one(
    spoil: Callable[[Path], object], target: Target, filled: DemoDatabase, folder: Path
) -> None:
    host = LocalHost()
    done(await performer(host).perform(job_of(target), KeptOutput()))
    spoil(folder / f"{BACKUP}.sql.zst")
    found = await HostCatalog(host).verify_checksum("web1", str(folder), BACKUP)
    assert found.state is BackupState.DAMAGED
    assert found.detail
    failed(await performer(host).resume(job_of(target), KeptOutput()), DumpStage.READ_BACK)
    assert await performer(host).check(job_of(target)) is Effect.CANNOT_TELL
