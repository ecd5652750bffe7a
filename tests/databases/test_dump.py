"""Dumps of a real MariaDB: what they hold, and every way in which they can go wrong."""
# ruff: noqa: ASYNC221, ASYNC240 - nothing else waits while a test looks at its own small files

import contextlib
import hashlib
import json
import os
import re
import signal
import stat
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import aiomysql
import pyrage
import pytest

from bot.databases.backups import Backups, Presence
from bot.databases.dump import Before, Stage, dump_job, failed_stage
from bot.databases.manifest import parse_manifest
from bot.databases.performers import DumpPerformer
from bot.demo.database import Database as MadeDatabase
from bot.demo.database import DatabaseServer
from bot.domain.acts import Dump
from bot.domain.errors import Reason
from bot.domain.secrets import Secret
from bot.domain.target import Backups as BackupSettings
from bot.domain.target import Target
from bot.engine.ports import Effect, Failed
from tests.databases.contents import checksums, definitions, session_of
from tests.databases.held_up import halfway
from tests.databases.local import KeptOutput, LocalHost, stand_in
from tests.databases.steps import BACKUP, done, failed, job_of, performer
from tests.support import eventually


async def restore(mariadb: DatabaseServer, dump: Path, tmp_path: Path, name: str) -> str:
    """Restore a dump, as root, into a fresh database."""
    script = tmp_path / "restored.sql"
    unpack = ["zstd", "-dc"] if dump.suffix == ".zst" else ["gzip", "-dc"]
    script.write_bytes(subprocess.run([*unpack, str(dump)], check=True, capture_output=True).stdout)
    await mariadb.query(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
    await mariadb.load(script, name)
    return script.read_text(errors="replace")


async def test_a_dump_restores_to_the_same(
    target: Target, filled: MadeDatabase, folder: Path, mariadb: DatabaseServer, tmp_path: Path
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
    assert "MariaDB" in manifest["server"]
    assert manifest["run"] == "R-7K3F9Q"

    assert sorted(path.name for path in folder.iterdir()) == [f"{BACKUP}.json", f"{BACKUP}.sql.zst"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600
    assert filled.password not in output.text.decode() + (folder / f"{BACKUP}.json").read_text() + text


async def test_an_empty_database_is_dumped(
    target: Target, database: MadeDatabase, mariadb: DatabaseServer, tmp_path: Path
) -> None:
    facts = done(await performer(LocalHost()).perform(job_of(target), KeptOutput()))
    assert facts["tables"] == "0"
    await restore(mariadb, Path(facts["path"]), tmp_path, f"{database.name}_countersign_restored")
    assert await checksums(mariadb, f"{database.name}_countersign_restored") == {}


async def test_chosen_tables_are_dumped_alone(
    target: Target, filled: MadeDatabase, mariadb: DatabaseServer, tmp_path: Path
) -> None:
    tables = ("od`d \"na'me", "-- minus", "people")
    facts = done(await performer(LocalHost()).perform(job_of(target, *tables), KeptOutput()))
    await restore(mariadb, Path(facts["path"]), tmp_path, f"{filled.name}_countersign_restored")
    there = await checksums(mariadb, f"{filled.name}_countersign_restored")
    assert set(there) == set(tables)
    assert facts["tables"] == "3"


async def test_a_table_that_is_not_there_fails_the_dump(target: Target, filled: MadeDatabase, folder: Path) -> None:
    facts = failed(await performer(LocalHost()).perform(job_of(target, "gone"), KeptOutput()), Stage.DUMP)
    assert "gone" in facts["detail"]
    assert list(folder.iterdir()) == []


async def test_without_zstd_it_is_gzip(
    target: Target, filled: MadeDatabase, mariadb: DatabaseServer, tmp_path: Path
) -> None:
    facts = done(await performer(LocalHost(without=("zstd",))).perform(job_of(target), KeptOutput()))
    assert facts["path"].endswith(".sql.gz")
    await restore(mariadb, Path(facts["path"]), tmp_path, f"{filled.name}_countersign_restored")
    assert await checksums(mariadb, f"{filled.name}_countersign_restored") == await checksums(mariadb, filled.name)


@pytest.mark.parametrize("missing", [("mariadb", "mysql"), ("mariadb-dump", "mysqldump"), ("zstd", "gzip")])
async def test_a_missing_program_is_named(missing: tuple[str, ...], target: Target) -> None:
    facts = failed(await performer(LocalHost(without=missing)).perform(job_of(target), KeptOutput()), Stage.TOOLS)
    assert facts["cause"] == Reason.HOST_TOOL_MISSING.value
    assert all(program in facts["detail"] for program in missing)


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
    ("changes", "stage", "cause"),
    [
        ({"password": Secret("wrong-password")}, Stage.LOGIN, Reason.DATABASE_LOGIN_REFUSED),
        ({"name": "another"}, Stage.LOGIN, Reason.DATABASE_LOGIN_REFUSED),
        ({"port": 1}, Stage.CONNECT, Reason.DATABASE_UNREACHABLE),
    ],
)
async def test_a_database_that_is_not_to_be_had_is_said_to_be(
    changes: dict[str, object], stage: Stage, cause: Reason, database: MadeDatabase, target_of: Callable[..., Target],
    tmp_path: Path,
) -> None:  # fmt: skip
    output = KeptOutput()
    facts = failed(await performer(LocalHost()).perform(job_of(target_of(database, **changes)), output), stage)
    assert facts["cause"] == cause.value
    assert "ERROR" in facts["detail"]
    assert b"wrong-password" not in output.text
    assert list((tmp_path / "backups").iterdir()) == []


async def test_a_missing_database_is_said_to_be(database: MadeDatabase, target_of: Callable[..., Target]) -> None:
    target = target_of(database, name=f"{database.name}_countersign_gone")
    facts = failed(await performer(LocalHost()).perform(job_of(target), KeptOutput()), Stage.DATABASE)
    assert facts["cause"] == Reason.DATABASE_MISSING.value


async def test_no_secret_is_in_the_arguments_of_any_process(target: Target, database: MadeDatabase) -> None:
    host = LocalHost()
    async with halfway(target, database, host):
        assert host.pid_of("mariadb-dump") is not None
        assert database.password not in str(list(host.processes().values()))


async def test_a_killed_dump_is_no_backup(target: Target, database: MadeDatabase, folder: Path) -> None:
    host = LocalHost()
    async with halfway(target, database, host) as dumping:
        assert [path.suffix for path in folder.iterdir()] == [".part"]
        pid = host.pid_of("mariadb-dump")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        failed(await dumping, Stage.DUMP)
    assert list(folder.iterdir()) == []


async def test_a_killed_compressor_is_no_backup(target: Target, database: MadeDatabase, folder: Path) -> None:
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
        failed(await dumping, Stage.COMPRESS)
    assert list(folder.iterdir()) == []


async def test_a_database_that_dies_gives_no_backup(
    target: Target, database: MadeDatabase, folder: Path, mariadb: DatabaseServer
) -> None:
    async with halfway(target, database, LocalHost()) as dumping:
        await mariadb.kill()
        try:
            failed(await dumping, Stage.DUMP)
        finally:
            await mariadb.start()
    assert list(folder.iterdir()) == []


async def test_ending_a_dump_leaves_nothing(target: Target, database: MadeDatabase, folder: Path) -> None:
    host = LocalHost()
    async with halfway(target, database, host) as dumping:
        await performer(host).end(job_of(target))
        outcome = await dumping
        assert isinstance(outcome, Failed)
        assert outcome.problem.reason is not Reason.BACKUP_IMPOSSIBLE, "it was ended, and nothing was wrong with it"
        await eventually(lambda: host.processes() == {})
    assert list(folder.iterdir()) == []


async def test_after_a_host_that_died_the_next_attempt_starts_afresh(
    target: Target, database: MadeDatabase, folder: Path
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


async def test_a_finished_backup_is_never_made_again(target: Target, filled: MadeDatabase, folder: Path) -> None:
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
        failed(await performer(LocalHost()).perform(job_of(target_of(other)), KeptOutput()), Stage.READ_BACK)
    finally:
        await mariadb.drop(other)


async def test_too_little_space_is_seen_before_anything_is_written(
    target: Target, filled: MadeDatabase, folder: Path, tmp_path: Path
) -> None:
    path = stand_in(
        tmp_path / "bin", "df",
        "echo 'Filesystem 1024-blocks Used Available Capacity Mounted on'; echo 'a disk 9000 8000 1000 89% /a mount'",
    )  # fmt: skip
    facts = failed(await performer(LocalHost(path)).perform(job_of(target), KeptOutput()), Stage.SPACE)
    assert facts["cause"] == Reason.DISK_FULL.value
    assert "1000 KiB free" in facts["detail"]
    assert list(folder.iterdir()) == []


async def test_a_file_that_cannot_grow_is_no_backup(target: Target, database: MadeDatabase, folder: Path) -> None:
    async with session_of(database) as cursor:
        await cursor.execute("CREATE TABLE t (t LONGBLOB)")
        await cursor.execute("INSERT INTO t SELECT RANDOM_BYTES(1000) FROM seq_1_to_500")
    host = LocalHost(before="ulimit -f 100")
    failed(await performer(host).perform(job_of(target), KeptOutput()), Stage.COMPRESS)
    assert list(folder.iterdir()) == []


async def test_a_disk_that_fills_meanwhile_is_no_backup(
    target: Target, database: MadeDatabase, small_disk: Path, tmp_path: Path
) -> None:
    async with session_of(database) as cursor:
        await cursor.execute("CREATE TABLE t (t LONGBLOB)")
        await cursor.execute("INSERT INTO t SELECT RANDOM_BYTES(1000) FROM seq_1_to_4000")
    target = replace(target, backups=BackupSettings(str(small_disk / "backups")))
    path = stand_in(
        tmp_path / "bin", "mariadb-dump",
        f'case " $* " in *" --single-transaction "*) head -c 90000000 /dev/zero >{small_disk}/other ;; esac\n'
        'exec /usr/bin/mariadb-dump "$@"',
    )  # fmt: skip
    facts = failed(await performer(LocalHost(path)).perform(job_of(target), KeptOutput()), Stage.COMPRESS)
    assert "No space left" in facts["detail"]
    assert list((small_disk / "backups").iterdir()) == []


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("echo '-- half a dump'; exit 0", Stage.TRAILER),
        ("echo '-- half a dump'; echo '-- Dump completed'; echo 'INSERT'; exit 0", Stage.TRAILER),
        ("exit 0", Stage.TRAILER),
        ("echo '-- whole'; echo '-- Dump completed on 2025-11-16'; exit 3", Stage.DUMP),
        ("echo 'mysqldump: unexpected'; exit 0", Stage.COMPRESS),
    ],
)
async def test_a_dump_that_lies_is_found_out(
    text: str, stage: Stage, target: Target, folder: Path, tmp_path: Path
) -> None:
    path = stand_in(tmp_path / "bin", "mariadb-dump", f'case " $* " in *" --single-transaction "*) {text} ;; esac')
    failed(await performer(LocalHost(path)).perform(job_of(target), KeptOutput()), stage)
    assert list(folder.iterdir()) == []


async def test_a_packer_that_lies_is_found_out(target: Target, filled: MadeDatabase, tmp_path: Path) -> None:
    path = stand_in(tmp_path / "bin", "zstd", 'case " $* " in *" -1 "*) /usr/bin/zstd "$@" | head -c 300 ;;'
                    ' *) exec /usr/bin/zstd "$@" ;; esac')  # fmt: skip
    failed(await performer(LocalHost(path)).perform(job_of(target), KeptOutput()), Stage.INTEGRITY)


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
    spoil: Callable[[Path], object], target: Target, filled: MadeDatabase, folder: Path
) -> None:
    host = LocalHost()
    done(await performer(host).perform(job_of(target), KeptOutput()))
    spoil(folder / f"{BACKUP}.sql.zst")
    found = await Backups(host).prove_checksum("web1", str(folder), BACKUP)
    assert found.presence is Presence.DAMAGED
    assert found.detail
    failed(await performer(host).resume(job_of(target), KeptOutput()), Stage.READ_BACK)
    assert await performer(host).check(job_of(target)) is Effect.CANNOT_TELL


async def test_the_quick_look_before_the_change_sees_what_was_approved(
    target: Target, filled: MadeDatabase, folder: Path
) -> None:
    host = LocalHost()
    backups = Backups(host)
    facts = done(await performer(host).perform(job_of(target), KeptOutput()))
    assert await backups.present("web1", str(folder), BACKUP, facts["sha256"])
    assert not await backups.present("web1", str(folder), BACKUP, "0" * 64)
    assert not await backups.present("web1", str(folder), "B-000000", facts["sha256"])
    with (folder / f"{BACKUP}.sql.zst").open("ab") as dump:
        dump.write(b"x")
    assert not await backups.present("web1", str(folder), BACKUP, facts["sha256"])


async def test_the_check_says_whether_there_is_a_backup(target: Target, filled: MadeDatabase) -> None:
    host = LocalHost()
    assert await performer(host).check(job_of(target)) is Effect.DID_NOT
    done(await performer(host).perform(job_of(target), KeptOutput()))
    assert await performer(host).check(job_of(target)) is Effect.TOOK


def test_the_script_holds_no_secret(target: Target) -> None:
    made = dump_job(target, Dump(BACKUP), "R-7K3F9Q", 1)
    assert target.database is not None
    assert target.database.password.reveal() not in made.script.script()
    assert "***" in str(dict(made.files))


@pytest.mark.parametrize("backup", ["../x", "a b", "", "-x", "x" * 80])
def test_an_id_that_is_no_name_is_refused(backup: str, target: Target) -> None:
    with pytest.raises(ValueError, match="ID of a backup"):
        dump_job(target, Dump(backup), "R-7K3F9Q", 1)


async def test_settings_that_cannot_be_used_start_nothing(target: Target) -> None:
    host, output = LocalHost(), KeptOutput()
    for unusable in (replace(target, database=None), replace(target, backups=None),
                     replace(target, backups=BackupSettings("relative"))):  # fmt: skip
        failed(await performer(host).perform(job_of(unusable), output), Stage.SETTINGS)
    assert not output.claimed


@pytest.mark.parametrize(
    "directory", ["with space", "quo'te", "dol$lar`x`", "-dash", "new\nline", "100%s", "é", "a*b", "a\\nb"]
)
async def test_a_directory_may_have_any_name(directory: str, target: Target, tmp_path: Path) -> None:
    target = replace(target, backups=BackupSettings(str(tmp_path / directory)))
    facts = done(await performer(LocalHost()).perform(job_of(target), KeptOutput()))
    assert Path(facts["path"]).exists()


def test_each_stage_has_an_exit_status_of_its_own() -> None:
    statuses = [stage.exit_status for stage in Stage]
    assert len(set(statuses)) == len(statuses)
    assert all(2 < status < 126 for status in statuses)
    assert [failed_stage(status) for status in statuses] == list(Stage)
    assert failed_stage(1) is None
    assert failed_stage(None) is None


def test_every_stage_that_the_script_names_is_known(target: Target) -> None:
    script = dump_job(target, Dump(BACKUP), "R-7K3F9Q", 1).script.script()
    code = "\n".join(line for line in script.splitlines() if not line.startswith("#"))
    named = set(re.findall(r"\b(?:fail|require) ([a-z]+) ", code))
    assert named
    assert named <= {stage.value for stage in Stage}


@pytest.mark.parametrize("change", [{"file": "../../etc/passwd"}, {"file": "other.sql.zst"}, {"sha256": "x"},
                                    {"bytes": 0}, {"bytes": "many"}, {"format": 2}, {"tables": None}])  # fmt: skip
def test_a_manifest_that_cannot_be_true_is_refused(change: dict[str, object]) -> None:
    honest = {
        "format": 1, "backup": BACKUP, "app": "compte", "environment": "production", "database": "compte",
        "file": f"{BACKUP}.sql.zst", "bytes": 1, "sha256": "0" * 64, "seconds": 1, "started": "", "server": "",
        "tables": ["t"], "proof": "checked",
    }  # fmt: skip
    assert parse_manifest(json.dumps(honest).encode()).tables == ("t",)
    with pytest.raises(ValueError, match=r".+"):
        parse_manifest(json.dumps({**honest, **change}).encode())


async def test_what_the_host_keeps_is_encrypted_by_age(
    target: Target, filled: MadeDatabase, folder: Path, tmp_path: Path
) -> None:
    identity = pyrage.x25519.Identity.generate()
    target = replace(target, backups=BackupSettings(str(folder), encrypt_to=str(identity.to_public())))
    facts = done(await performer(LocalHost()).perform(job_of(target), KeptOutput()))
    assert facts["encrypted"] == "yes"
    assert sorted(path.name for path in folder.iterdir()) == [f"{BACKUP}.json", f"{BACKUP}.sql.zst.age"]
    manifest = parse_manifest((folder / f"{BACKUP}.json").read_bytes())
    key = tmp_path / "key"
    key.write_text(str(identity))
    opened = subprocess.run(
        ["age", "--decrypt", "--identity", str(key), str(folder / manifest.file)], capture_output=True, check=True
    ).stdout
    assert hashlib.sha256(opened).hexdigest() == manifest.packed_sha256
    text = subprocess.run(["zstd", "-dc"], input=opened, capture_output=True, check=True).stdout
    assert b"CREATE TABLE `people`" in text


async def test_without_age_nothing_is_written_in_the_clear(target: Target, filled: MadeDatabase, folder: Path) -> None:
    target = replace(target, backups=BackupSettings(str(folder), encrypt_to="age1x"))
    facts = failed(await performer(LocalHost(without=("age",))).perform(job_of(target), KeptOutput()), Stage.TOOLS)
    assert "age is not installed" in facts["detail"]
    assert list(folder.iterdir()) == []


async def test_an_encryption_that_fails_is_no_backup(
    target: Target, filled: MadeDatabase, folder: Path, tmp_path: Path
) -> None:
    target = replace(target, backups=BackupSettings(str(folder), encrypt_to="age1wrong"))
    failed(await performer(LocalHost()).perform(job_of(target), KeptOutput()), Stage.ENCRYPT)
    path = stand_in(tmp_path / "bin", "age", "head -c 100; cat >/dev/null; exit 3")
    failed(await performer(LocalHost(path)).perform(job_of(target), KeptOutput()), Stage.ENCRYPT)
    assert list(folder.iterdir()) == []


async def test_the_manifest_names_the_commit_the_migrations_and_the_counters(
    target: Target, filled: MadeDatabase, folder: Path
) -> None:
    repository = Path(target.path)
    for words in (("init", "-q"), ("commit", "-q", "--allow-empty", "-m", "x")):
        subprocess.run(
            ["git", "-C", str(repository), "-c", "user.name=x", "-c", "user.email=x@example.com", *words], check=True
        )
    words = ["git", "-C", str(repository), "rev-parse", "HEAD"]
    head = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    async def known(of: Target, tables: tuple[str, ...]) -> Before:
        assert (of, tables) == (target, ())
        return Before(migrations=("2025_a", "2025_b'"), counters={"people": 3})

    host = LocalHost()
    done(await DumpPerformer(host, host, pauses=(0.01,), known=known).perform(job_of(target), KeptOutput()))
    manifest = parse_manifest((folder / f"{BACKUP}.json").read_bytes())
    assert manifest.commit == head
    assert manifest.migrations == ("2025_a", "2025_b'")
    assert manifest.counters == {"people": 3}


async def test_the_room_that_is_needed_is_judged_by_the_backup_before(
    target: Target, filled: MadeDatabase, folder: Path, tmp_path: Path
) -> None:
    path = stand_in(
        tmp_path / "bin", "df",
        "echo 'Filesystem 1024-blocks Used Available Capacity Mounted on'; echo 'd 900000 8000 100000 89% /m'",
    )  # fmt: skip
    host = LocalHost(path)

    def performer_after(before: Before) -> DumpPerformer:
        async def known(_: Target, __: tuple[str, ...]) -> Before:
            return before

        return DumpPerformer(host, host, pauses=(0.01,), known=known)

    large = performer_after(Before("B-1", 40_000_000, 1))
    facts = failed(await large.perform(job_of(target), KeptOutput()), Stage.SPACE)
    assert "100000 KiB free" in facts["detail"]
    done(await performer_after(Before("B-1", 1000, 10**12)).perform(job_of(target), KeptOutput()))
