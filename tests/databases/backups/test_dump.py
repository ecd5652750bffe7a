"""Dumps of a real MariaDB: what they hold, where they lie, and that each is made once."""
# ruff: noqa: ASYNC221, ASYNC240 - nothing else waits while a test looks at its own small files

import json
import stat
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.databases.backups.dump import DumpPerformer
from bot.databases.backups.dump_script import DumpContext, DumpStage
from bot.databases.backups.host_catalog import HostCatalog
from bot.databases.backups.manifest import parse_manifest
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.targets.target import Backups as BackupSettings
from bot.domain.targets.target import Target
from bot.engine.ports import Effect
from tests.databases.support.contents import checksums, definitions, session_of
from tests.databases.support.held_up import halfway
from tests.databases.support.local import KeptOutput, LocalHost, access_to
from tests.databases.support.steps import BACKUP, done, failed, job_of, performer
from tests.support.vendors import PROGRAMS


async def restore(mariadb: DatabaseServer, dump: Path, tmp_path: Path, name: str) -> str:
    """Restore a dump, as root, into a fresh database."""
    script = tmp_path / "restored.sql"
    unpack = ["zstd", "-dc"] if dump.suffix == ".zst" else ["gzip", "-dc"]
    script.write_bytes(subprocess.run([*unpack, str(dump)], check=True, capture_output=True).stdout)
    await mariadb.query(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
    await mariadb.load(script, name)
    return script.read_text(errors="replace")


async def test_a_dump_restores_to_the_same(
    target: Target, filled: DemoDatabase, folder: Path, mariadb: DatabaseServer, tmp_path: Path
) -> None:
    output = KeptOutput()
    facts = done(await performer(LocalHost()).perform(job_of(target), output))
    dump = Path(facts["path"])
    text = await restore(mariadb, dump, tmp_path, f"{filled.name}_countersign_restored")

    restored = f"{filled.name}_countersign_restored"
    assert await checksums(mariadb, restored) == await checksums(mariadb, filled.name)
    assert len(await checksums(mariadb, restored)) == 5
    assert await definitions(mariadb, restored) == await definitions(mariadb, filled.name)
    assert not text.startswith("/*M!999999"), "other clients reject this line"

    assert facts["backup"] == BACKUP
    assert facts["tables"] == "5"
    assert facts["proof"] == "checked"
    assert int(facts["bytes"]) == dump.stat().st_size
    shown = subprocess.run(["sha256sum", str(dump)], check=True, capture_output=True, text=True).stdout
    assert facts["sha256"] == shown.split()[0]

    manifest = json.loads((folder / f"{BACKUP}.json").read_text())
    assert (manifest["app"], manifest["environment"], manifest["database"]) == ("compte", "production", filled.name)
    assert manifest["stages"] == {"dump": 0, "compress": 0, "write": 0, "integrity": 0, "trailer": 0}
    assert sorted(manifest["tables"]) == sorted(await checksums(mariadb, filled.name))
    assert sorted(manifest["views"]) == ["adult_names", "adults"]
    assert manifest["server"] == (await mariadb.query("SELECT VERSION() AS v"))[0]["v"]
    assert manifest["run"] == "R-7K3F9Q"

    assert sorted(path.name for path in folder.iterdir()) == [f"{BACKUP}.json", f"{BACKUP}.sql.zst"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600
    assert filled.password not in output.text.decode() + (folder / f"{BACKUP}.json").read_text() + text


async def test_an_empty_database_is_dumped(
    target: Target, database: DemoDatabase, mariadb: DatabaseServer, tmp_path: Path
) -> None:
    facts = done(await performer(LocalHost()).perform(job_of(target), KeptOutput()))
    assert facts["tables"] == "0"
    await restore(mariadb, Path(facts["path"]), tmp_path, f"{database.name}_countersign_restored")
    assert await checksums(mariadb, f"{database.name}_countersign_restored") == {}


async def test_chosen_tables_are_dumped_alone(
    target: Target, filled: DemoDatabase, mariadb: DatabaseServer, tmp_path: Path
) -> None:
    tables = ("od`d \"na'me", "-- minus", "people")
    facts = done(await performer(LocalHost()).perform(job_of(target, *tables), KeptOutput()))
    await restore(mariadb, Path(facts["path"]), tmp_path, f"{filled.name}_countersign_restored")
    there = await checksums(mariadb, f"{filled.name}_countersign_restored")
    assert set(there) == set(tables)
    assert facts["tables"] == "3"


async def test_without_zstd_it_is_gzip(
    target: Target, filled: DemoDatabase, mariadb: DatabaseServer, tmp_path: Path
) -> None:
    facts = done(await performer(LocalHost(without=("zstd",))).perform(job_of(target), KeptOutput()))
    assert facts["path"].endswith(".sql.gz")
    await restore(mariadb, Path(facts["path"]), tmp_path, f"{filled.name}_countersign_restored")
    assert await checksums(mariadb, f"{filled.name}_countersign_restored") == await checksums(mariadb, filled.name)


@pytest.mark.parametrize(
    "password", ["'\"\\#  spaces ", "$(touch x)`id`;&|", "\\n\\t\\s\\", "é🎉", "=[client]", "#", "'", '"']
)
async def test_a_password_may_have_any_character(
    password: str, target_of: Callable[..., Target], mariadb: DatabaseServer
) -> None:
    made = await mariadb.create("odd_password", password=password)
    try:
        host, output = LocalHost(), KeptOutput()
        facts = done(await performer(host).perform(job_of(target_of(made)), output))
        assert facts["database"] == "odd_password"
    finally:
        await mariadb.drop(made)


@pytest.mark.parametrize(
    "directory", ["with space", "quo'te", "dol$lar`x`", "-dash", "new\nline", "100%s", "é", "a*b", "a\\nb"]
)
async def test_a_directory_may_have_any_name(directory: str, target: Target, tmp_path: Path) -> None:
    target = replace(target, backups=BackupSettings(str(tmp_path / directory)))
    facts = done(await performer(LocalHost()).perform(job_of(target), KeptOutput()))
    assert Path(facts["path"]).exists()


async def test_the_manifest_names_the_commit_the_migrations_and_the_counters(
    target: Target, filled: DemoDatabase, folder: Path
) -> None:
    repository = Path(target.path)
    for words in (("init", "-q"), ("commit", "-q", "--allow-empty", "-m", "x")):
        subprocess.run(
            ["git", "-C", str(repository), "-c", "user.name=x", "-c", "user.email=x@example.com", *words], check=True
        )
    words = ["git", "-C", str(repository), "rev-parse", "HEAD"]
    head = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    async def known(of: Target, tables: tuple[str, ...]) -> DumpContext:
        assert (of, tables) == (target, ())
        return DumpContext(migrations=("2025_a", "2025_b'"), counters={"people": 3})

    host = LocalHost()
    done(await DumpPerformer(access_to(host), known, pauses=(0.01,)).perform(job_of(target), KeptOutput()))
    manifest = parse_manifest((folder / f"{BACKUP}.json").read_bytes())
    assert manifest.commit == head
    assert manifest.migrations == ("2025_a", "2025_b'")
    assert manifest.counters == {"people": 3}


async def test_a_finished_backup_is_never_made_again(target: Target, filled: DemoDatabase, folder: Path) -> None:
    first = done(await performer(LocalHost()).perform(job_of(target), KeptOutput()))
    inode = (folder / f"{BACKUP}.sql.zst").stat().st_ino
    async with session_of(filled) as cursor:
        await cursor.execute("INSERT INTO people (id) VALUES (99)")
    assert done(await performer(LocalHost()).perform(job_of(target, attempt=2), KeptOutput())) == first
    assert (folder / f"{BACKUP}.sql.zst").stat().st_ino == inode


async def test_a_finished_backup_of_another_database_is_not_taken_for_ones_own(
    target: Target, target_of: Callable[..., Target], mariadb: DatabaseServer
) -> None:
    done(await performer(LocalHost()).perform(job_of(target), KeptOutput()))
    other = await mariadb.create("not_the_same")
    try:
        failed(await performer(LocalHost()).perform(job_of(target_of(other)), KeptOutput()), DumpStage.READ_BACK)
    finally:
        await mariadb.drop(other)


async def test_the_quick_look_before_the_change_sees_what_was_approved(
    target: Target, filled: DemoDatabase, folder: Path
) -> None:
    host = LocalHost()
    backups = HostCatalog(host)
    facts = done(await performer(host).perform(job_of(target), KeptOutput()))
    assert await backups.present("web1", str(folder), BACKUP, facts["sha256"])
    assert not await backups.present("web1", str(folder), BACKUP, "0" * 64)
    assert not await backups.present("web1", str(folder), "B-000000", facts["sha256"])
    with (folder / f"{BACKUP}.sql.zst").open("ab") as dump:
        dump.write(b"x")
    assert not await backups.present("web1", str(folder), BACKUP, facts["sha256"])


async def test_the_check_says_whether_there_is_a_backup(target: Target, filled: DemoDatabase) -> None:
    host = LocalHost()
    assert await performer(host).check(job_of(target)) is Effect.DID_NOT
    done(await performer(host).perform(job_of(target), KeptOutput()))
    assert await performer(host).check(job_of(target)) is Effect.TOOK


async def test_no_secret_is_in_the_arguments_of_any_process(target: Target, database: DemoDatabase) -> None:
    host = LocalHost()
    async with halfway(target, database, host):
        assert host.pid_of(PROGRAMS.dumper) is not None
        assert database.password not in str(list(host.processes().values()))
