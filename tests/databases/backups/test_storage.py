"""Backups kept elsewhere than on their host: over a real sshd, from a real MariaDB, into a directory and a bucket."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from bot.databases.backups.prune import PrunePerformer
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.demo.host.host import DemoHost
from bot.domain.backups.backup import BackupList, Proof
from bot.domain.runs.acts import Discard, Dump, Load
from bot.domain.runs.plan import Phase, Risk, Step
from bot.domain.targets.target import Backups, Target
from bot.engine.ports import Done, Effect, Job
from tests.databases.support.at_work import at_work_on
from tests.databases.support.contents import databases_beside, session_of
from tests.databases.support.local import KeptOutput
from tests.databases.support.rooms import BACKUP, FILE, Room, kept_in
from tests.support import numbers
from tests.support.bucket import S3


@pytest.mark.usefixtures("filled")
async def test_a_backup_is_made_listed_proven_and_loaded_from_where_it_is_kept(
    room: Room, mariadb: DatabaseServer, ssh_host: DemoHost
) -> None:
    facts = await room.dumped()
    assert await kept_in(room) == [f"{BACKUP}.json", FILE]
    assert facts["path"] == f"{room.storage.place}/{FILE}"
    assert not list(ssh_host.home.rglob("*.zst")), "the host keeps nothing"
    manifest = await room.manifest()
    assert manifest["migrations"] == ["2025_01_01_000000_first"]
    assert manifest["stages"] == {"dump": 0, "compress": 0, "write": 0, "integrity": 0, "trailer": 0}

    (kept,) = (await room.catalog.backup_list(room.target)).backups
    assert (kept.backup, str(kept.bytes), kept.sha256, kept.proof) == (
        BACKUP, facts["bytes"], facts["sha256"], Proof.CHECKED,
    )  # fmt: skip

    proven = await room.proved()
    assert isinstance(proven, Done), proven
    assert proven.facts["proof"] == "proven"
    (kept,) = (await room.catalog.backup_list(room.target)).backups
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
async def test_a_dump_much_smaller_than_the_one_before_says_so(in_directory: Room, database: DemoDatabase) -> None:
    room = in_directory
    async with session_of(database) as cursor:
        await cursor.execute("CREATE TABLE big (t LONGBLOB)")
        await cursor.execute(f"INSERT INTO big SELECT RANDOM_BYTES(1000) FROM {numbers(1000)}")
    before = await room.dumped("B-20261116-BEFORE")
    async with session_of(database) as cursor:
        await cursor.execute("TRUNCATE big")
    facts = await room.dumped()
    assert (facts["previous"], facts["previous_bytes"]) == ("B-20261116-BEFORE", before["bytes"])
    assert "previous" not in before


async def test_what_was_begun_in_a_bucket_is_aborted(in_directory: Room, s3: S3) -> None:
    s3.client().create_bucket(Bucket="begun")
    room = in_directory.keeping(Backups("", store=s3.bucket("begun")))
    async with room.storage.begin_upload(FILE) as begin_upload:
        for _ in range(40):
            await begin_upload.write(b"x" * 1_000_000)
        assert await kept_in(room) == []
    assert await kept_in(room) == []
    assert "Uploads" not in s3.client().list_multipart_uploads(Bucket="begun")
    async with room.storage.begin_upload(FILE) as begin_upload:
        await begin_upload.write(b"x" * 20_000_000)
        await begin_upload.commit()
    assert await room.storage.sizes() == {FILE: 20_000_000}
    await room.storage.remove((FILE, "never-there"))
    assert await kept_in(room) == []


@pytest.mark.usefixtures("filled")
async def test_what_is_no_longer_kept_goes_but_for_what_a_run_speaks_of(room: Room) -> None:
    @dataclass(frozen=True)
    class Watching:
        referred: frozenset[str]
        future: frozenset[str]

        def look(self, target: Target) -> Any:
            return self

        async def backups(self) -> BackupList:
            known = await room.catalog.backup_list(room.target)
            return replace(known, referred=self.referred, future_dated=self.future)

    for backup in (BACKUP, "B-20261116-SPOKEN", "B-20261116-FUTURE"):
        await room.dumped(backup)
    act = Discard((BACKUP, "B-20261116-SPOKEN", "B-20261116-NEVER1", "B-20261116-FUTURE"))
    step = Step("retention", "Remove", Phase.CHANGE, ("web1",), Risk.CHANGES, 60, act)
    performer = PrunePerformer(
        room.access, Watching(frozenset({"B-20261116-SPOKEN"}), frozenset({"B-20261116-FUTURE"}))
    )
    outcome = await performer.perform(Job("R-AAAAAA", 1, step, "web1", 1, room.target), KeptOutput())
    assert outcome == Done({
        "removed": f"{BACKUP}, B-20261116-NEVER1", "stayed": "B-20261116-SPOKEN, B-20261116-FUTURE",
        "ignored": "B-20261116-FUTURE",
    })  # fmt: skip
    left = {kept.backup for kept in (await room.catalog.backup_list(room.target)).backups}
    assert left == {"B-20261116-SPOKEN", "B-20261116-FUTURE"}
    assert len(await kept_in(room)) == 4
