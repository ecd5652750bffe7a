"""Backups kept elsewhere than on their host: over a real sshd, from a real MariaDB, into a directory and a bucket."""
# ruff: noqa: ASYNC221, ASYNC240 - nothing else waits while a test looks at its own small files

import asyncio
import hashlib
import json
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyrage
import pytest

from bot.databases.choosing import EitherWay, unreadable_on_host
from bot.databases.finding import Finder
from bot.databases.performers import DumpPerformer
from bot.databases.proving import ProvePerformer
from bot.databases.restoring import Stage as RestoreStage
from bot.databases.vault_discarding import VaultDiscardPerformer
from bot.demo.database import Database as MadeDatabase
from bot.demo.database import DatabaseServer
from bot.demo.host import Host as DemoHost
from bot.domain.acts import Discard, Dump, Load, Prove
from bot.domain.backup import Proof, Shelf
from bot.domain.errors import Reason
from bot.domain.plan import Phase, Risk, Step
from bot.domain.secrets import Secret
from bot.domain.target import Backups, BotDirectory, Target
from bot.engine.ports import Done, Effect, Failed, Job, Unknown
from tests.databases.at_work import at_work_on, waiting_for_pipes_on
from tests.databases.contents import databases_beside, session_of
from tests.databases.held_up import locked
from tests.databases.local import KeptOutput
from tests.databases.rooms import BACKUP, FILE, Room, folder_of, kept_in
from tests.support import eventually
from tests.support.bucket import S3


def in_store(folder: Path) -> Backups:
    return Backups("", store=BotDirectory(str(folder)))


@pytest.mark.usefixtures("filled")
async def test_a_backup_is_made_listed_proven_and_loaded_from_where_it_is_kept(
    room: Room, mariadb: DatabaseServer, ssh_host: DemoHost
) -> None:
    facts = await room.dumped()
    assert await kept_in(room) == [f"{BACKUP}.json", FILE]
    assert facts["path"] == f"{room.vault.place}/{FILE}"
    assert not list(ssh_host.home.rglob("*.zst")), "the host keeps nothing"
    manifest = await room.manifest()
    assert manifest["migrations"] == ["2025_01_01_000000_first"]
    assert manifest["stages"] == {"dump": 0, "compress": 0, "write": 0, "integrity": 0, "trailer": 0}

    (kept,) = (await room.finder.shelf(room.target)).backups
    assert (kept.backup, str(kept.bytes), kept.sha256, kept.proof) == (
        BACKUP, facts["bytes"], facts["sha256"], Proof.CHECKED,
    )  # fmt: skip

    proven = await room.proved()
    assert isinstance(proven, Done), proven
    assert proven.facts["proof"] == "proven"
    (kept,) = (await room.finder.shelf(room.target)).backups
    assert kept.proof is Proof.PROVEN
    assert kept.restore_seconds is not None
    assert await databases_beside(mariadb, room.target) == []

    fresh = room.beside("restore")
    loaded = await room.loading.perform(room.job(Load(BACKUP, kept.sha256, fresh)), KeptOutput())
    assert isinstance(loaded, Done), loaded
    rows = await mariadb.query("SELECT COUNT(*) AS n FROM people", database=fresh)
    assert rows[0]["n"] == 3
    await mariadb.query(f"DROP DATABASE {fresh}")
    assert at_work_on(ssh_host) == []


@pytest.mark.usefixtures("filled")
async def test_a_backup_that_is_there_is_not_made_again(in_directory: Room) -> None:
    room = in_directory
    first = await room.dumped()
    assert await room.dumped() == first
    again = await room.dumping.resume(room.job(Dump(BACKUP)), KeptOutput())
    assert isinstance(again, Done)
    assert again.facts == first
    assert await room.dumping.check(room.job(Dump(BACKUP))) is Effect.TOOK
    assert await room.dumping.check(room.job(Dump("B-20261116-OTHER1"))) is Effect.DID_NOT


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
    room: Room, database: MadeDatabase, ssh_host: DemoHost
) -> None:
    async with session_of(database) as cursor:
        await cursor.execute("CREATE TABLE a_first (t LONGBLOB)")
        await cursor.execute("INSERT INTO a_first SELECT RANDOM_BYTES(1000) FROM seq_1_to_3000")
    output = KeptOutput()
    async with locked(database):
        dumping = asyncio.create_task(room.dumping.perform(room.job(Dump(BACKUP)), output))
        await eventually(lambda: ssh_host.commands.ran("mariadb-dump"), seconds=20)
        ssh_host.cut_sessions()
        outcome = await dumping
    assert isinstance(outcome, Unknown), "it only reads, so it is begun anew"
    assert outcome.problem.reason is Reason.HOST_UNREACHABLE
    assert await kept_in(room) == []
    await eventually(lambda: not at_work_on(ssh_host), seconds=20)


async def test_a_restore_whose_connection_is_cut_is_made_again(
    in_directory: Room, database: MadeDatabase, ssh_host: DemoHost, mariadb: DatabaseServer
) -> None:
    room = in_directory
    async with session_of(database) as cursor:
        await cursor.execute("CREATE TABLE wide (t LONGBLOB)")
        await cursor.execute("INSERT INTO wide SELECT RANDOM_BYTES(1000) FROM seq_1_to_20000")
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
    room: Room, database: MadeDatabase, ssh_host: DemoHost
) -> None:
    output = KeptOutput()
    job = room.job(Dump(BACKUP))
    async with locked(database):
        dumping = asyncio.create_task(room.dumping.perform(job, output))
        await eventually(lambda: output.claimed and ssh_host.commands.ran("mariadb-dump"), seconds=20)
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
    assert (await room.manifest())["proof"] == "checked", "the file is spoilt; what was dumped is not refuted"
    assert await databases_beside(mariadb, room.target) == []
    kept.write_bytes(content[:-1])
    shelf = await room.finder.shelf(room.target)
    assert (shelf.backups, shelf.unreadable) == ((), (f"{BACKUP}.json",))


@pytest.mark.usefixtures("filled")
async def test_what_differs_is_refuted_where_it_is_kept(in_directory: Room) -> None:
    room = in_directory
    await room.dumped()
    manifest = await room.manifest()
    manifest["rows"]["people"] = [5, "1", 5, "1"]
    await room.vault.put(f"{BACKUP}.json", json.dumps(manifest, indent=2).encode())
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
    await room.vault.put(f"{BACKUP}.json", json.dumps(manifest, indent=2).encode())
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


async def test_a_dump_stops_before_it_fills_the_disk_of_the_bot(
    in_directory: Room, database: MadeDatabase, small_disk: Path
) -> None:
    async with session_of(database) as cursor:
        await cursor.execute("CREATE TABLE t (t LONGBLOB)")
        await cursor.execute("INSERT INTO t SELECT RANDOM_BYTES(1000) FROM seq_1_to_24000")
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
    before = len(ssh_host.commands.ran("mariadb-dump"))
    outcome = await room.dumping.perform(room.job(Dump(BACKUP)), KeptOutput())
    assert isinstance(outcome, Failed)
    assert (outcome.problem.facts["stage"], outcome.problem.facts["cause"]) == ("space", "disk_full")
    assert len(ssh_host.commands.ran("mariadb-dump")) == before


@pytest.mark.usefixtures("filled")
async def test_a_dump_much_smaller_than_the_one_before_says_so(in_directory: Room, database: MadeDatabase) -> None:
    room = in_directory
    async with session_of(database) as cursor:
        await cursor.execute("CREATE TABLE big (t LONGBLOB)")
        await cursor.execute("INSERT INTO big SELECT RANDOM_BYTES(1000) FROM seq_1_to_1000")
    before = await room.dumped("B-20261116-BEFORE")
    async with session_of(database) as cursor:
        await cursor.execute("TRUNCATE big")
    facts = await room.dumped()
    assert (facts["previous"], facts["previous_bytes"]) == ("B-20261116-BEFORE", before["bytes"])
    assert "previous" not in before


@pytest.mark.usefixtures("filled")
async def test_an_encrypted_backup_is_opened_by_the_key_alone(room: Room, tmp_path: Path, ssh_host: DemoHost) -> None:
    identity = pyrage.x25519.Identity.generate()
    assert room.target.backups is not None
    sealed = replace(room.target.backups, encrypt_to=str(identity.to_public()))
    room.target = replace(room.target, backups=sealed)
    facts = await room.dumped()
    assert facts["encrypted"] == "yes"
    assert await kept_in(room) == [f"{BACKUP}.json", f"{FILE}.age"]

    key, file = tmp_path / "key", tmp_path / "file"
    key.write_text(str(identity))
    async with room.vault.read(f"{FILE}.age") as chunks:
        file.write_bytes(b"".join([chunk async for chunk in chunks]))
    opened = subprocess.run(["age", "--decrypt", "--identity", str(key), str(file)], capture_output=True, check=True)
    text = subprocess.run(["zstd", "-dc"], input=opened.stdout, capture_output=True, check=True).stdout
    assert b"-- Dump completed" in text

    refused = await room.proved()
    assert isinstance(refused, Failed)
    assert "backups.identity" in refused.problem.facts["detail"]
    assert (await room.manifest())["proof"] == "checked"

    room.target = replace(room.target, backups=replace(sealed, identity=Secret(str(identity))))
    proven = await room.proved()
    assert isinstance(proven, Done), proven
    assert proven.facts["proof"] == "proven"
    assert not [
        path for path in ssh_host.home.rglob("*") if path.is_file() and str(identity).encode() in path.read_bytes()
    ]

    other = Secret(str(pyrage.x25519.Identity.generate()))
    room.target = replace(room.target, backups=replace(sealed, identity=other))
    wrong = await room.proved()
    assert isinstance(wrong, Failed)
    assert "cannot be decrypted" in wrong.problem.facts["detail"]
    assert (await room.manifest())["proof"] == "proven", "a wrong key refutes nothing"


async def test_what_was_begun_in_a_bucket_is_aborted(in_directory: Room, s3: S3) -> None:
    s3.client().create_bucket(Bucket="begun")
    room = in_directory.keeping(Backups("", store=s3.bucket("begun")))
    async with room.vault.draft(FILE) as draft:
        for _ in range(40):
            await draft.write(b"x" * 1_000_000)
        assert await kept_in(room) == []
    assert await kept_in(room) == []
    assert "Uploads" not in s3.client().list_multipart_uploads(Bucket="begun")
    async with room.vault.draft(FILE) as draft:
        await draft.write(b"x" * 20_000_000)
        await draft.keep()
    assert await room.vault.sizes() == {FILE: 20_000_000}
    await room.vault.remove((FILE, "never-there"))
    assert await kept_in(room) == []


@pytest.mark.usefixtures("filled")
async def test_what_a_host_keeps_encrypted_is_proven_by_the_bot_alone(
    in_directory: Room, tmp_path: Path, mariadb: DatabaseServer
) -> None:
    room, identity = in_directory, pyrage.x25519.Identity.generate()
    kept = Backups(str(tmp_path / "on host"), encrypt_to=str(identity.to_public()), identity=Secret(str(identity)))
    room.target = replace(room.target, backups=kept)
    made = await DumpPerformer(room.runner, room.hosts).perform(room.job(Dump(BACKUP)), KeptOutput())
    assert isinstance(made, Done), made
    assert made.facts["encrypted"] == "yes"
    either = EitherWay(
        ProvePerformer(room.runner, room.hosts), room.proving, unreadable_on_host(Finder(room.hosts, room.stores))
    )
    proven = await either.perform(room.job(Prove(BACKUP, room.beside("proof"))), KeptOutput())
    assert isinstance(proven, Done), proven
    assert proven.facts["proof"] == "proven"
    assert await kept_in(room) == [f"{BACKUP}.json", f"{FILE}.age"]
    assert (await room.manifest())["proof"] == "proven"
    assert await databases_beside(mariadb, room.target) == []


@pytest.mark.usefixtures("filled")
async def test_what_is_no_longer_kept_goes_but_for_what_a_run_speaks_of(room: Room) -> None:
    @dataclass(frozen=True)
    class Watching:
        referred: frozenset[str]

        def look(self, target: Target) -> Any:
            return self

        async def backups(self) -> Shelf:
            return replace(await room.finder.shelf(room.target), referred=self.referred)

    for backup in (BACKUP, "B-20261116-SPOKEN"):
        await room.dumped(backup)
    act = Discard((BACKUP, "B-20261116-SPOKEN", "B-20261116-NEVER1"))
    step = Step("retention", "Remove", Phase.CHANGE, ("web1",), Risk.CHANGES, 60, act)
    performer = VaultDiscardPerformer(room.stores, Watching(frozenset({"B-20261116-SPOKEN"})))
    outcome = await performer.perform(Job("R-AAAAAA", 1, step, "web1", 1, room.target), KeptOutput())
    assert outcome == Done({"removed": f"{BACKUP}, B-20261116-NEVER1", "stayed": "B-20261116-SPOKEN"})
    assert [kept.backup for kept in (await room.finder.shelf(room.target)).backups] == ["B-20261116-SPOKEN"]
    assert len(await kept_in(room)) == 2
