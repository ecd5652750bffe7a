"""Backups by mydumper on a real MariaDB: what they hold, and that all of it comes back."""
# ruff: noqa: ASYNC221, ASYNC240 - nothing else waits while a test looks at its own small files

import asyncio
import hashlib
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from bot.databases.backups.leftovers import LeftoverReader
from bot.databases.backups.restore import LoadPerformer, SwapPerformer
from bot.databases.server.connector import Connector
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.backups.backup import Proof
from bot.domain.runs.acts import Load
from bot.domain.targets.target import Target
from bot.engine.ports import Done
from tests.databases.backups.mydumper.large import FILE, OLD, left_in, made, proven
from tests.databases.support.contents import checksums, databases_beside, definitions, owned_by_another, session_of
from tests.databases.support.local import KeptOutput, LocalHost, access_to, prover
from tests.databases.support.manifests import manifest_of
from tests.databases.support.steps import BACKUP, copy_and_old, private_job, step_job, swap_job_of
from tests.support import numbers


async def test_it_is_one_file_that_is_what_its_manifest_says(
    filled: DemoDatabase, target: Target, host: LocalHost, folder: Path
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
    filled: DemoDatabase, target: Target, host: LocalHost, folder: Path, mariadb: DatabaseServer
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
    rows: str, pieces: int, filled: DemoDatabase, target: Target, host: LocalHost, folder: Path
) -> None:
    async with session_of(filled) as cursor:
        await cursor.execute("DELETE FROM people WHERE id > 9")
        await cursor.execute("CREATE TABLE many (id INT PRIMARY KEY)")
        await cursor.execute(f"INSERT INTO many SELECT {rows} FROM {numbers(900000)}")
        await cursor.execute("ANALYZE TABLE many")
    await made(host, target)
    with tarfile.open(folder / FILE) as archive:
        files = [member for member in archive.getmembers() if ".many." in member.name]
    assert len(files) > pieces
    assert len(files) == 1 or pieces or not OLD
    await proven(host, target)
    assert manifest_of(target).rows["many"][0] == 900_000


async def test_everything_comes_back(
    filled: DemoDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer, connections: Connector
) -> None:
    was = await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)
    facts, _ = await made(host, target)
    async with session_of(filled) as cursor:
        await cursor.execute("DELETE FROM sessions WHERE id <> 7")
        await cursor.execute("DROP VIEW adult_names")
        await cursor.execute("DROP TRIGGER grow")
    output = KeptOutput()
    act = Load(BACKUP, facts["sha256"], copy_and_old(target)[0])
    loaded = await LoadPerformer(access_to(host)).perform(step_job(target, act), output)
    assert isinstance(loaded, Done), (loaded, output.text.decode())
    events = await mariadb.query(
        "SELECT status FROM information_schema.events WHERE event_schema = %s", copy_and_old(target)[0]
    )
    assert [row["status"] for row in events] == ["DISABLED"]
    swapping = SwapPerformer(access_to(host), LeftoverReader(connections))
    swapped = await swapping.perform(swap_job_of(target), output)
    assert isinstance(swapped, Done), (swapped, output.text.decode())
    assert (await checksums(mariadb, filled.name), await definitions(mariadb, filled.name)) == was


async def test_it_comes_back_by_hand_as_documented(
    filled: DemoDatabase, target: Target, host: LocalHost, folder: Path, mariadb: DatabaseServer, tmp_path: Path
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
    filled: DemoDatabase, target: Target, host: LocalHost, mariadb: DatabaseServer
) -> None:
    owner = await owned_by_another(mariadb, filled, "weight")
    await made(host, target)
    await mariadb.query(f"DROP USER {owner}")
    await proven(host, target)


async def test_rows_that_are_written_meanwhile_do_not_refute_it(
    filled: DemoDatabase, target: Target, host: LocalHost
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


async def test_it_is_proven_in_a_private_server(
    filled: DemoDatabase, target: Target, host: LocalHost, folder: Path, mariadb: DatabaseServer, tmp_path: Path
) -> None:
    await made(host, target)
    since = mariadb.log_position()
    output = KeptOutput()
    outcome = await prover(access_to(LocalHost(home=tmp_path))).perform(private_job(target), output)
    assert isinstance(outcome, Done), (outcome, output.text.decode())
    assert (outcome.facts["proof"], outcome.facts.get("unprovable")) == ("proven", None), output.text.decode()
    assert [one.text for one in mariadb.statements(since) if one.ran and "CREATE DATABASE" in one.text] == []
    assert left_in(folder) == {FILE, f"{BACKUP}.json"}
