"""When a large database is dumped otherwise than with mydumper, and what is said of it."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.databases.backups.dump_script import DumpContext, dump_job
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.runs.acts import Dump
from bot.domain.targets.scratch import ScratchNone
from bot.domain.targets.target import BotDirectory, RehearseOn, Target
from tests.databases.backups.mydumper.large import PLAIN, left_in, made, proven
from tests.databases.support.contents import session_of
from tests.databases.support.local import KeptOutput, LocalHost, stand_in
from tests.databases.support.manifests import manifest_of
from tests.databases.support.steps import BACKUP, done, job_of, performer


async def plain(host: LocalHost, target: Target, reason: str) -> None:
    """Dump the database, and fail where that is not a plain dump, proven, which says for which reason."""
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
    statement: str, reason: str, filled: DemoDatabase, target: Target, host: LocalHost
) -> None:
    async with session_of(filled) as cursor:
        await cursor.execute(statement)
    _, said = await made(host, target)
    assert f"not dumped with mydumper: {reason}" in " ".join(said.split())
    assert manifest_of(target).file == PLAIN


async def test_an_account_that_may_not_lock_gets_a_plain_dump(
    filled: DemoDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer
) -> None:
    await mariadb.query(f"REVOKE RELOAD ON *.* FROM `{filled.user}`@`%`")
    await plain(host, target, "the account may not FLUSH TABLES WITH READ LOCK")


async def test_a_lock_that_does_not_come_stops_nobody(
    filled: DemoDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer
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


async def test_a_long_query_is_not_waited_for(filled: DemoDatabase, target: Target, host: LocalHost) -> None:
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
    missing: tuple[str, ...], filled: DemoDatabase, target: Target
) -> None:
    await plain(LocalHost(without=missing), target, "myloader and tar are needed to put it back")


async def test_a_version_without_an_option_is_not_guessed_at(
    filled: DemoDatabase, target: Target, tmp_path: Path
) -> None:
    path = stand_in(tmp_path / "bin", "mydumper", "/usr/bin/mydumper --help | sed s/--no-schemas/--without-schemas/")
    await plain(LocalHost(path), target, "this version has no --no-schemas")


async def test_where_it_is_not_installed_nobody_speaks_of_it(filled: DemoDatabase, target: Target) -> None:
    facts, said = await made(LocalHost(without=("mydumper",)), target)
    assert facts["path"].endswith(PLAIN)
    assert "mydumper" not in said


async def test_a_small_database_is_dumped_plainly(filled: DemoDatabase, target: Target, host: LocalHost) -> None:
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
        ({"database": {"scratch": ScratchNone()}}, (), "with `scratch: false`"),
        ({"database": {"rehearse": RehearseOn.DATA}}, (), "migrations are rehearsed on the data"),
    ],
)
def test_what_speaks_against_it_from_the_start(
    change: dict[str, dict[str, object]], tables: tuple[str, ...], reason: str, target: Target
) -> None:
    for part, values in change.items():
        target = replace(target, **{part: replace(getattr(target, part), **values)})
    script = dump_job(target, Dump(BACKUP, tables), "R-1", 1, DumpContext()).command.script()
    assert f"not_by_mydumper='{reason}" in script


async def test_too_little_room_for_its_folder_makes_it_a_plain_dump(
    filled: DemoDatabase, target: Target, tmp_path: Path
) -> None:
    # enough for one file, and not for a folder beside it
    free = "Filesystem 1024-blocks Used Available Capacity Mounted\\n/dev/x 900000 1 130000 1%% /\\n"
    path = stand_in(tmp_path / "bin", "df", f"printf '{free}'")
    await plain(LocalHost(path), target, "130000 KiB are free, and ")


async def test_what_does_not_begin_is_dumped_otherwise(filled: DemoDatabase, target: Target, tmp_path: Path) -> None:
    path = stand_in(
        tmp_path / "bin", "mydumper",
        'case "$*" in *--help*) exec /usr/bin/mydumper --help ;; esac\n'
        'echo "Error connecting to database" >&2; exit 1',
    )  # fmt: skip
    await plain(LocalHost(path), target, "Error connecting to database")


async def test_a_snapshot_that_is_not_shared_is_none(filled: DemoDatabase, target: Target, tmp_path: Path) -> None:
    path = stand_in(
        tmp_path / "bin", "mydumper",
        'case "$*" in *--help*) ;; *) echo "Couldn\'t acquire global lock,'
        ' snapshots will not be consistent" >&2 ;; esac\n'
        'exec /usr/bin/mydumper "$@"',
    )  # fmt: skip
    await plain(LocalHost(path), target, "Couldn't acquire global lock")
