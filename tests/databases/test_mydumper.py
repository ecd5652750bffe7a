"""Dumps of large databases with mydumper, on a real MariaDB: what they hold, how they come back, when they are none."""
# ruff: noqa: ASYNC220, ASYNC221, ASYNC240 - nothing else waits while a test looks at its own small files

import asyncio
import contextlib
import hashlib
import json
import os
import subprocess
import tarfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pymysql.err import OperationalError

from bot.databases.backups import Backups, Presence
from bot.databases.connect import Connections
from bot.databases.dump import LEFT_BEHIND, Before, Stage, dump_job
from bot.databases.proving import ProvePerformer
from bot.databases.remains import RemainsLook
from bot.databases.restoring import Sent, proof_job
from bot.databases.restoring import Stage as RestoringStage
from bot.databases.swapping import LoadPerformer, SwapPerformer
from bot.databases.sweeping import Sweeper
from bot.demo.database import Database as MadeDatabase
from bot.demo.database import DatabaseServer
from bot.domain.acts import Dump, Load
from bot.domain.backup import Proof
from bot.domain.target import BotDirectory, RehearseOn, Target
from bot.engine.ports import Done
from tests.databases.contents import checksums, databases_beside, definitions, execute, session_of
from tests.databases.local import KeptOutput, LocalHost, stand_in
from tests.databases.manifests import manifest_of
from tests.databases.remembered import Remembered
from tests.databases.steps import (
    BACKUP,
    copy_and_old,
    done,
    failed,
    job_of,
    performer,
    prove_job,
    refused,
    step_job,
    swap_job_of,
)
from tests.support import eventually

FILE = f"{BACKUP}.mydumper.tar"
PLAIN = f"{BACKUP}.sql.zst"

CONTENTS = (
    "CREATE TABLE people (id BIGINT UNSIGNED PRIMARY KEY, name VARCHAR(100) CHARACTER SET utf8mb4,"
    " picture BLOB, flags BIT(12), place POINT, weight DOUBLE, price DECIMAL(30, 10), said JSON, at TIMESTAMP(6) NULL,"
    " born DATETIME NOT NULL DEFAULT '0000-00-00',"
    ' `the "age"` INT GENERATED ALWAYS AS (weight * 2) STORED,'
    " twice BIGINT UNSIGNED AS (id - 1) VIRTUAL, kind ENUM('a', 'é') DEFAULT 'é' COMMENT 'été; 🎉'"
    ") ENGINE=InnoDB COMMENT='people; \n-- Dump completed'",
    "INSERT INTO people (id, name, picture, flags, place, weight, price, said, at, born) VALUES"
    " (1, '🎉 Amélie ''quoted'' \\\\ back; \n', 0x00FF0A0D1A5C273B0A, b'101', POINT(1.5, -2), 0.1, 1.0000000001,"
    " '{\"a\": [1]}', '2025-03-30 01:30:00.123456', '2025-03-30 02:30:00'),"
    " (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2024-02-29'),"
    " (18446744073709551615, '', '', b'0', NULL, -1e9, -5, '[]', NULL, '0000-00-00')",
    "CREATE TABLE sessions (id INT PRIMARY KEY AUTO_INCREMENT, person BIGINT UNSIGNED,"
    " FOREIGN KEY (person) REFERENCES people (id))",
    "INSERT INTO sessions SELECT seq, 1 FROM seq_1_to_1000",
    # in the order of their names, what is referred to comes last
    "ALTER TABLE people ADD first INT, ADD FOREIGN KEY (first) REFERENCES sessions (id)",
    "UPDATE people SET first = 7 WHERE id = 1",
    "CREATE TABLE nothing (id INT)",
    "CREATE VIEW adults AS SELECT id, name FROM people WHERE twice < 2",
    "CREATE VIEW adult_names AS SELECT name FROM adults",
    "CREATE TRIGGER grow BEFORE INSERT ON sessions FOR EACH ROW SET NEW.person = COALESCE(NEW.person, 1)",
    "CREATE PROCEDURE `count``them` () BEGIN SELECT 'CREATE TABLE `x`\n-- Dump completed'; END",
    "CREATE FUNCTION double_it(a INT) RETURNS INT DETERMINISTIC RETURN a * 2",
    "CREATE EVENT tidy ON SCHEDULE EVERY 1 DAY DO DELETE FROM sessions WHERE id < 0",
)

OLD = "mydumper 0.10" in subprocess.run(["mydumper", "--version"], capture_output=True, text=True, check=True).stdout
"""Whether it is the version of Debian 12, which neither counts with a sign nor packs fast."""

only_old = pytest.mark.skipif(not OLD, reason="newer versions pack what they write, and read any table in pieces")


@pytest.fixture
def target(database: MadeDatabase, target_of: Callable[..., Target]) -> Target:
    return large(target_of(database, scratch=True))


def large(target: Target, **changes: object) -> Target:
    assert target.backups is not None
    return replace(target, backups=replace(target.backups, mydumper_from=0, **changes))


@pytest.fixture(autouse=True)
async def nothing_else_runs(mariadb: DatabaseServer) -> None:
    """End what other tests left to the server: mydumper is not begun beside a statement that takes long."""
    running = "SELECT id FROM information_schema.processlist WHERE command = 'Query' AND id <> CONNECTION_ID()"
    for row in await mariadb.query(running):
        with contextlib.suppress(OperationalError):  # it has just ended
            await mariadb.query(f"KILL HARD {row['id']}")


@pytest.fixture
async def filled(database: MadeDatabase, mariadb: DatabaseServer) -> MadeDatabase:
    # Newer versions than Debian 12 has read the position of the binary log too.
    await mariadb.query(f"GRANT RELOAD, PROCESS, REPLICATION CLIENT ON *.* TO `{database.user}`@`%`")
    await execute(database, *CONTENTS)
    return database


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def made(host: LocalHost, target: Target) -> tuple[dict[str, str], str]:
    output = KeptOutput()
    outcome = await performer(host).perform(job_of(target), output)
    assert isinstance(outcome, Done), (outcome, output.text.decode())
    return dict(outcome.facts), output.text.decode()


async def proven(host: LocalHost, target: Target) -> None:
    output = KeptOutput()
    outcome = await ProvePerformer(host, host).perform(prove_job(target), output)
    assert isinstance(outcome, Done), (outcome, output.text.decode())
    assert outcome.facts["proof"] == "proven"


async def test_it_is_one_file_that_is_what_its_manifest_says(
    filled: MadeDatabase, target: Target, host: LocalHost, folder: Path
) -> None:
    facts, said = await made(host, target)
    assert left_in(folder) == {FILE, f"{BACKUP}.json"}
    assert "not dumped with mydumper" not in said
    assert facts["path"] == str(folder / FILE)
    assert facts["sha256"] == hashlib.sha256((folder / FILE).read_bytes()).hexdigest()
    manifest = json.loads((folder / f"{BACKUP}.json").read_text())
    assert manifest["tool"].startswith("mydumper ")
    assert manifest["stages"] == {"dump": 0, "integrity": 0, "trailer": 0, "archive": 0, "write": 0}
    assert "not_by_mydumper" not in manifest
    with tarfile.open(folder / FILE) as archive:
        held = {member.name for member in archive.getmembers()}
    assert {f"{BACKUP}/schema.sql", f"{BACKUP}/beside.sql", f"{BACKUP}/rows/metadata"} <= held
    assert filled.password not in (folder / FILE).read_bytes().decode(errors="replace")
    assert not list(Path(host.notes).iterdir())


async def test_what_comes_out_is_what_was_dumped(
    filled: MadeDatabase, target: Target, host: LocalHost, folder: Path, mariadb: DatabaseServer
) -> None:
    await made(host, target)
    await proven(host, target)
    manifest = manifest_of(target)
    assert manifest.proof is Proof.PROVEN
    assert manifest.rows["sessions"][0] == 1000
    assert left_in(folder) == {FILE, f"{BACKUP}.json"}
    assert await databases_beside(mariadb, target) == []


@pytest.mark.parametrize(("rows", "pieces"), [("seq", 2), ("-CAST(seq AS INT)", 0)])
async def test_large_tables_are_read_in_pieces_where_none_can_be_lost(
    rows: str, pieces: int, filled: MadeDatabase, target: Target, host: LocalHost, folder: Path
) -> None:
    async with session_of(filled) as cursor:
        await cursor.execute("DELETE FROM people WHERE id > 9")
        await cursor.execute("CREATE TABLE many (id INT PRIMARY KEY)")
        await cursor.execute(f"INSERT INTO many SELECT {rows} FROM seq_1_to_900000")
        await cursor.execute("ANALYZE TABLE many")
    await made(host, target)
    with tarfile.open(folder / FILE) as archive:
        files = [member for member in archive.getmembers() if ".many." in member.name]
    assert len(files) > pieces
    assert len(files) == 1 or pieces or not OLD
    await proven(host, target)
    assert manifest_of(target).rows["many"][0] == 900_000


async def test_everything_comes_back(
    filled: MadeDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer, connections: Connections
) -> None:
    was = await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)
    facts, _ = await made(host, target)
    async with session_of(filled) as cursor:
        await cursor.execute("DELETE FROM sessions WHERE id <> 7")
        await cursor.execute("DROP VIEW adult_names")
        await cursor.execute("DROP TRIGGER grow")
    output = KeptOutput()
    act = Load(BACKUP, facts["sha256"], copy_and_old(target)[0])
    loaded = await LoadPerformer(host, host).perform(step_job(target, act), output)
    assert isinstance(loaded, Done), (loaded, output.text.decode())
    events = await mariadb.query(
        "SELECT status FROM information_schema.events WHERE event_schema = %s", copy_and_old(target)[0]
    )
    assert [row["status"] for row in events] == ["DISABLED"]
    swapping = SwapPerformer(host, host, RemainsLook(connections))
    swapped = await swapping.perform(swap_job_of(target), output)
    assert isinstance(swapped, Done), (swapped, output.text.decode())
    assert (await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)) == was


async def test_it_comes_back_by_hand_as_documented(
    filled: MadeDatabase, target: Target, host: LocalHost, folder: Path, mariadb: DatabaseServer, tmp_path: Path
) -> None:
    await made(host, target)
    by_hand = f"{filled.name}_countersign_restored"
    await mariadb.query(f"CREATE DATABASE `{by_hand}`")
    login = ["-h", mariadb.host, "-P", str(mariadb.port), "-u", filled.user, f"-p{filled.password}"]
    subprocess.run(["tar", "-xf", str(folder / FILE), "-C", str(tmp_path)], check=True)
    for part in ("schema.sql", "rows", "beside.sql"):
        path = tmp_path / BACKUP / part
        if part == "rows":
            words = ["myloader", *login[:-1], "-p", filled.password, "-d", str(path), "-B", by_hand]
            subprocess.run(words, check=True)
        else:
            mysql = ["mariadb", "--protocol=tcp", *login, by_hand]
            subprocess.run(mysql, check=True, stdin=path.open("rb"))
    assert await checksums(mariadb, by_hand) == await checksums(mariadb, filled.name)


async def test_an_owner_who_is_gone_stands_in_no_way(
    filled: MadeDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer
) -> None:
    owner = f"`{filled.name}_owner`@`%`"
    await mariadb.query(f"CREATE USER {owner}")
    await mariadb.query(f"GRANT ALL ON `{filled.name}`.* TO {owner}")
    await mariadb.query(f"CREATE DEFINER={owner} VIEW orphan AS SELECT 1 AS one", database=filled.name)
    await mariadb.query(
        f"CREATE DEFINER={owner} TRIGGER lonely BEFORE UPDATE ON people FOR EACH ROW SET NEW.weight = NULL",
        database=filled.name,
    )
    await made(host, target)
    await mariadb.query(f"DROP USER {owner}")
    await proven(host, target)


async def test_rows_that_are_written_meanwhile_do_not_refute_it(
    filled: MadeDatabase, target: Target, host: LocalHost
) -> None:
    async def write() -> None:
        async with session_of(filled) as cursor:
            for number in range(10_000):
                await cursor.execute(f"INSERT INTO sessions VALUES ({10_000 + number}, 2)")

    writing = asyncio.create_task(write())
    try:
        _, said = await made(host, target)
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    assert "not dumped with mydumper" not in said
    assert manifest_of(target).file == FILE
    await proven(host, target)


# ── when it is none ──────────────────────────────────────────────────────────────────────────────────────────────────


async def plain(host: LocalHost, target: Target, reason: str) -> None:
    _, said = await made(host, target)
    assert f"not dumped with mydumper: {reason}" in " ".join(said.split()), said
    assert target.backups is not None
    manifest = json.loads((Path(target.backups.directory) / f"{BACKUP}.json").read_text())
    assert manifest["file"] == PLAIN
    assert manifest["not_by_mydumper"].startswith(reason)
    assert left_in(Path(target.backups.directory)) == {PLAIN, f"{BACKUP}.json"}
    await proven(host, target)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("CREATE TABLE `od``d` (a INT)", "the name of the table od`d has more than letters"),
        ("CREATE TABLE `a.b` (a INT)", "the name of the table a.b has more than letters"),
        ("CREATE TABLE `new\n2` (a INT)", "the name of the table new 2 has more than letters"),
        ("CREATE TABLE tables (`a``b` INT)", "the name of the column tables.a`b has a backtick"),
        ("CREATE TABLE hidden (a INT, b INT INVISIBLE DEFAULT 4)", "the column hidden.b is invisible"),
        ("CREATE TABLE old (a INT) ENGINE=MyISAM", "old is no plain InnoDB table"),
        ("CREATE TABLE versions (a INT) WITH SYSTEM VERSIONING", "versions is no plain InnoDB table"),
        ("CREATE SEQUENCE numbers", "numbers is no plain InnoDB table"),
    ],
)
async def test_what_it_would_spoil_is_dumped_otherwise(
    statement: str, reason: str, filled: MadeDatabase, target: Target, host: LocalHost
) -> None:
    async with session_of(filled) as cursor:
        await cursor.execute(statement)
    _, said = await made(host, target)
    assert f"not dumped with mydumper: {reason}" in " ".join(said.split())
    assert manifest_of(target).file == PLAIN


async def test_an_account_that_may_not_lock_gets_a_plain_dump(
    filled: MadeDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer
) -> None:
    await mariadb.query(f"REVOKE RELOAD ON *.* FROM `{filled.user}`@`%`")
    await plain(host, target, "the account may not FLUSH TABLES WITH READ LOCK")


async def test_a_lock_that_does_not_come_stops_nobody(
    filled: MadeDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer
) -> None:
    other = f"{filled.name}_countersign_other"
    await mariadb.query(f"CREATE DATABASE {other}")
    async with session_of(filled) as cursor:
        await cursor.execute(f"CREATE TABLE {other}.busy (id INT)")
        await cursor.execute(f"LOCK TABLES {other}.busy WRITE")
        output = KeptOutput()
        done(await performer(host).perform(job_of(target), output))
    assert b"not dumped with mydumper" in output.text
    assert b"Lock wait timeout" in output.text
    assert manifest_of(target).file == PLAIN
    waiting = await mariadb.query("SELECT id FROM information_schema.processlist WHERE info LIKE 'FLUSH TABLES WITH%'")
    assert list(waiting) == []


async def test_a_long_query_is_not_waited_for(filled: MadeDatabase, target: Target, host: LocalHost) -> None:
    async def ask() -> None:
        async with session_of(filled) as cursor:
            await cursor.execute("SELECT SLEEP(60)")

    async def long() -> bool:
        async with session_of(filled) as cursor:
            return bool(
                await cursor.execute(
                    "SELECT id FROM information_schema.processlist WHERE info = 'SELECT SLEEP(60)' AND time >= 10"
                )
            )

    asking = asyncio.create_task(ask())
    try:
        async with asyncio.timeout(60):
            while not await long():  # noqa: ASYNC110 - the server tells nobody how long a query runs
                await asyncio.sleep(0.2)
        await plain(host, target, "there is a query that has run for more than 10 s")
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


@pytest.mark.parametrize("missing", [("myloader",), ("tar",)])
async def test_what_could_not_be_put_back_is_not_made(
    missing: tuple[str, ...], filled: MadeDatabase, target: Target
) -> None:
    await plain(LocalHost(without=missing), target, "myloader and tar are needed to put it back")


async def test_a_version_without_an_option_is_not_guessed_at(
    filled: MadeDatabase, target: Target, tmp_path: Path
) -> None:
    path = stand_in(tmp_path / "bin", "mydumper", "/usr/bin/mydumper --help | sed s/--no-schemas/--without-schemas/")
    await plain(LocalHost(path), target, "this version has no --no-schemas")


async def test_where_it_is_not_installed_nobody_speaks_of_it(filled: MadeDatabase, target: Target) -> None:
    facts, said = await made(LocalHost(without=("mydumper",)), target)
    assert facts["path"].endswith(PLAIN)
    assert "mydumper" not in said


async def test_a_small_database_is_dumped_plainly(filled: MadeDatabase, target: Target, host: LocalHost) -> None:
    assert target.backups is not None
    facts, said = await made(host, replace(target, backups=replace(target.backups, mydumper_from=1 << 30)))
    assert facts["path"].endswith(PLAIN)
    assert "mydumper" not in said


@pytest.mark.parametrize(
    ("change", "tables", "reason"),
    [
        ({}, ("people",), "it is of chosen tables"),
        ({"backups": {"store": BotDirectory("/kept")}}, (), "backups are kept elsewhere"),
        ({"backups": {"encrypt_to": "age1x"}}, (), "backups are encrypted"),
        ({"database": {"scratch": False}}, (), "without `scratch: true`"),
        ({"database": {"rehearse": RehearseOn.DATA}}, (), "migrations are rehearsed on the data"),
    ],
)
def test_what_speaks_against_it_from_the_start(
    change: dict[str, dict[str, object]], tables: tuple[str, ...], reason: str, target: Target
) -> None:
    for part, values in change.items():
        target = replace(target, **{part: replace(getattr(target, part), **values)})
    script = dump_job(target, Dump(BACKUP, tables), "R-1", 1, Before()).script.script()
    assert f"not_by_mydumper='{reason}" in script


async def test_too_little_room_for_its_folder_makes_it_a_plain_dump(
    filled: MadeDatabase, target: Target, tmp_path: Path
) -> None:
    # enough for one file, and not for a folder beside it
    free = "Filesystem 1024-blocks Used Available Capacity Mounted\\n/dev/x 900000 1 130000 1%% /\\n"
    path = stand_in(tmp_path / "bin", "df", f"printf '{free}'")
    await plain(LocalHost(path), target, "130000 KiB are free, and ")


# ── when it fails ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ('/usr/bin/mydumper "$@"; exit 3', Stage.DUMP),
        ('/usr/bin/mydumper "$@"; echo "** (mydumper:1): CRITICAL **: half of it" >&2', Stage.DUMP),
        ('/usr/bin/mydumper "$@"; echo started >"$out/metadata"', Stage.TRAILER),
    ],
)
async def test_a_dump_that_lies_is_found_out(
    text: str, stage: Stage, filled: MadeDatabase, target: Target, folder: Path, tmp_path: Path
) -> None:
    find_out = (
        "for word; do case $word in --outputdir=*) out=${word#*=} ;;"
        " --help) exec /usr/bin/mydumper --help ;; esac; done"
    )
    # It begins before it fails: what does not begin is dumped otherwise.
    path = stand_in(tmp_path / "bin", "mydumper", f"{find_out}\n{text}".replace("; exit 3", "; sleep 1; exit 3"))
    failed(await performer(LocalHost(path)).perform(job_of(target), KeptOutput()), stage)
    assert left_in(folder) == set()


NEWER = (
    "out=; for word; do case $word in --outputdir=*) out=${word#*=} ;; --help)"
    " /usr/bin/mydumper --help | sed 's/Compress output files$/& by gzip or zstd/'; exit ;; esac; done\n"
    '/usr/bin/mydumper "$@" || exit\n'
)


async def test_a_version_that_packs_fast_packs_itself(
    filled: MadeDatabase, target: Target, tmp_path: Path, host: LocalHost, folder: Path
) -> None:
    await made(LocalHost(stand_in(tmp_path / "bin", "mydumper", f'{NEWER}[ -z "$out" ] || ls "$out" >&2')), target)
    with tarfile.open(folder / FILE) as archive:
        names = {member.name for member in archive.getmembers() if "/rows/" in member.name}
    assert {name.rpartition(".")[2] for name in names if not name.endswith("metadata")} in ({"gz"}, {"zst"})
    await proven(host, target)


async def test_what_it_packed_itself_is_unpacked_again(
    filled: MadeDatabase, target: Target, folder: Path, tmp_path: Path
) -> None:
    spoil = '[ -z "$out" ] || for file in "$out"/*.sql.*; do head -c 9 "$file" >"$out/x"; mv "$out/x" "$file"; done'
    path = stand_in(tmp_path / "bin", "mydumper", f"{NEWER}{spoil}")
    failed(await performer(LocalHost(path)).perform(job_of(target), KeptOutput()), Stage.INTEGRITY)
    assert left_in(folder) == set()


@only_old
@pytest.mark.parametrize(
    "text",
    [
        'case $* in -1*) /usr/bin/gzip "$@" | head -c 30 ;; *) exec /usr/bin/gzip "$@" ;; esac',
        'case $* in -1*) /usr/bin/gzip "$@"; exit 1 ;; *) exec /usr/bin/gzip "$@" ;; esac',
    ],
)
async def test_a_packer_that_lies_is_found_out(
    text: str, filled: MadeDatabase, target: Target, folder: Path, tmp_path: Path
) -> None:
    path = stand_in(tmp_path / "bin", "gzip", text)
    failed(await performer(LocalHost(path)).perform(job_of(target), KeptOutput()), Stage.COMPRESS)
    assert left_in(folder) == set()


@only_old
async def test_what_is_still_being_written_is_not_packed(
    filled: MadeDatabase, target: Target, folder: Path, tmp_path: Path, host: LocalHost
) -> None:
    slowly = (
        'case "$*" in *--help*) exec /usr/bin/mydumper --help ;; esac\n'
        'for word; do case $word in --outputdir=*) out=${word#*=} ;; *) set -- "$@" "$word" ;; esac; shift; done\n'
        '/usr/bin/mydumper "$@" --outputdir="$out.all" && mkdir "$out" && exec 9>"$out/late.sessions.sql" || exit\n'
        'head -c 2000 "$out.all"/*.sessions.sql >&9; sleep 2; tail -c +2001 "$out.all"/*.sessions.sql >&9; exec 9>&-\n'
        'rm "$out.all"/*.sessions.sql; mv "$out.all"/* "$out"; rmdir "$out.all"'
    )
    await made(LocalHost(stand_in(tmp_path / "bin", "mydumper", slowly)), target)
    with tarfile.open(folder / FILE) as archive:
        assert f"{BACKUP}/rows/late.sessions.sql.gz" in archive.getnames()
    await proven(host, target)


async def test_what_does_not_begin_is_dumped_otherwise(filled: MadeDatabase, target: Target, tmp_path: Path) -> None:
    path = stand_in(
        tmp_path / "bin", "mydumper",
        'case "$*" in *--help*) exec /usr/bin/mydumper --help ;; esac\n'
        'echo "Error connecting to database" >&2; exit 1',
    )  # fmt: skip
    await plain(LocalHost(path), target, "Error connecting to database")


async def test_a_snapshot_that_is_not_shared_is_none(filled: MadeDatabase, target: Target, tmp_path: Path) -> None:
    path = stand_in(
        tmp_path / "bin", "mydumper",
        'case "$*" in *--help*) ;; *) echo "Couldn\'t acquire global lock,'
        ' snapshots will not be consistent" >&2 ;; esac\n'
        'exec /usr/bin/mydumper "$@"',
    )  # fmt: skip
    await plain(LocalHost(path), target, "Couldn't acquire global lock")


async def test_a_disk_that_fills_meanwhile_is_no_backup(
    filled: MadeDatabase, target: Target, folder: Path, tmp_path: Path
) -> None:
    find_free = (
        'printf "Filesystem 1024-blocks Used Available Capacity Mounted\\n/dev/x 9 1 "; '
        f'if [ -e {tmp_path}/begun ]; then echo "5 1% /"; else echo "900000 1% /"; fi'
    )
    stand_in(tmp_path / "bin", "df", find_free)
    path = stand_in(
        tmp_path / "bin", "mydumper",
        f'case "$*" in *--help*) ;; *) : >{tmp_path}/begun; exec sleep 60 ;; esac; exec /usr/bin/mydumper "$@"',
    )  # fmt: skip
    failed(await performer(LocalHost(path)).perform(job_of(target), KeptOutput()), Stage.SPACE)
    assert left_in(folder) == set()


async def slow(tmp_path: Path) -> LocalHost:
    path = stand_in(
        tmp_path / "bin", "mydumper",
        f'case "$*" in *--help*) ;; *) : >{tmp_path}/begun; exec sleep 60 ;; esac; exec /usr/bin/mydumper "$@"',
    )  # fmt: skip
    return LocalHost(path)


async def test_what_is_ended_leaves_nothing(filled: MadeDatabase, target: Target, folder: Path, tmp_path: Path) -> None:
    host = await slow(tmp_path)
    job = job_of(target)
    dumping = asyncio.create_task(performer(host).perform(job, KeptOutput()))
    await eventually((tmp_path / "begun").exists, 30, what="mydumper has begun")
    assert any(name.endswith(".part") for name in left_in(folder))
    await host.end(job)
    assert not isinstance(await dumping, Done)
    await eventually(lambda: not host.processes(), 20, what="everything has ended")
    assert left_in(folder) == set()


async def test_what_a_killed_one_left_is_taken_away_by_the_next(
    filled: MadeDatabase, target: Target, folder: Path, tmp_path: Path
) -> None:
    host = await slow(tmp_path)
    dumping = asyncio.create_task(performer(host).perform(job_of(target), KeptOutput()))
    await eventually((tmp_path / "begun").exists, 30, what="mydumper has begun")
    os.killpg(host.group, 9)
    assert not isinstance(await dumping, Done)
    assert f"{BACKUP}.mydumper.1.part" in left_in(folder)
    assert (await Backups(host).find("web1", str(folder), BACKUP)).presence is Presence.UNFINISHED
    outcome = await performer(LocalHost()).perform(job_of(target, attempt=2), KeptOutput())
    assert isinstance(outcome, Done), outcome
    assert left_in(folder) == {FILE, f"{BACKUP}.json"}


# ── when it does not come back ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ('/usr/bin/myloader "$@"; exit 1', RestoringStage.REFUTED),
        (
            '/usr/bin/myloader "$@"; echo "** (myloader:1): CRITICAL **: Error restoring x.y: what" >&2',
            RestoringStage.REFUTED,
        ),
        (
            'echo "** (myloader:1): CRITICAL **: Error restoring x: MySQL server has gone away" >&2',
            RestoringStage.INTERRUPTED,
        ),
        ("exit 0", RestoringStage.REFUTED),
    ],
)
async def test_a_restore_that_failed_is_found_out(
    text: str, stage: RestoringStage, filled: MadeDatabase, target: Target, folder: Path, host: LocalHost,
    mariadb: DatabaseServer, tmp_path: Path,
) -> None:  # fmt: skip
    await made(host, target)
    path = stand_in(
        tmp_path / "bin", "myloader", f'case "$*" in *--help*) exec /usr/bin/myloader --help ;; esac\n{text}'
    )
    other = LocalHost(path)
    refused(await ProvePerformer(other, other).perform(prove_job(target), KeptOutput()), stage)
    expected = Proof.REFUTED if stage is RestoringStage.REFUTED else Proof.CHECKED
    assert manifest_of(target).proof is expected
    assert left_in(folder) == {FILE, f"{BACKUP}.json"}
    assert await databases_beside(mariadb, target) == []


async def test_without_myloader_it_is_refused_and_said(
    filled: MadeDatabase, target: Target, folder: Path, host: LocalHost
) -> None:
    await made(host, target)
    other = LocalHost(without=("myloader",))
    detail = refused(await ProvePerformer(other, other).perform(prove_job(target), KeptOutput()), RestoringStage.TOOLS)
    assert "myloader is not installed" in detail
    assert manifest_of(target).proof is Proof.CHECKED


async def test_one_that_the_bot_would_have_to_send_is_refused(
    filled: MadeDatabase, target: Target, host: LocalHost
) -> None:
    await made(host, target)
    assert target.database is not None
    with pytest.raises(ValueError, match="mydumper"):
        proof_job(manifest_of(target), Sent("x.in", b"{}"), target.database, f"{filled.name}_countersign_proof_a", 1)


# ── what is left behind ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_nobody_is_at_work_in_is_swept(
    target: Target, host: LocalHost, folder: Path, connections: Connections
) -> None:
    folder.mkdir()
    script = f'{LEFT_BEHIND}\nmkdir "$1"; printf "%s %s\\n" "$$" "$(born "$$")" >"$1/owner"; echo; read -r _'
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
    sweeper = Sweeper(connections, host, Remembered({}))
    assert set(await sweeper.parts(target)) == {str(gone), str(folder / "B-000003.sql.1.part")}
    assert left_in(folder) == {at_work.name, "B-000004.sql.1.part", "B-000005.sql.zst", "x.part"}
    owners[0].communicate()
    assert await sweeper.parts(target) == (str(at_work),)


async def test_without_myloader_nobody_is_asked_to_approve_a_restore(
    filled: MadeDatabase, target: Target, host: LocalHost
) -> None:
    await made(host, target)
    before_the_gate = prove_job(target, scratch=False)
    assert isinstance(await ProvePerformer(host, host).perform(before_the_gate, KeptOutput()), Done)
    other = LocalHost(without=("myloader",))
    refused(await ProvePerformer(other, other).perform(before_the_gate, KeptOutput()), RestoringStage.TOOLS)
