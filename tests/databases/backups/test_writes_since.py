"""What was written since a backup, as far as a real MariaDB can tell."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.databases.backups.manifest import Manifest
from bot.databases.backups.writes_since import LiveTable, WritesSinceReader, compare
from bot.databases.server.connector import Connector
from bot.demo.host.database import DemoDatabase
from bot.domain.backups.backup import Proof
from bot.domain.backups.writes_since import TableWrites, WriteState
from bot.domain.targets.target import Target
from tests.databases.support.contents import session_of
from tests.databases.support.local import KeptOutput, LocalHost, access_to
from tests.databases.support.steps import BACKUP, done, job_of, performer

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MANIFEST = Manifest(
    BACKUP, "compte", "production", "compte", "", 1, "", 1, NOON.isoformat(), "10.11", ("users",), Proof.PROVEN,
    rows={"users": (3, "11", 4, "12")},
)  # fmt: skip
LATER, EARLIER, SOON = (NOON + timedelta(minutes=minutes) for minutes in (5, -5, 0.5))


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (LiveTable(4, counted=True, checksum="12"), WriteState.SAME),
        (LiveTable(3, counted=True, checksum="11"), WriteState.SAME),
        (LiveTable(4, counted=True, checksum="13"), WriteState.CHANGED),
        (LiveTable(4, counted=True, checksum="12", written=LATER), WriteState.SAME),  # written, and put back as it was
        (LiveTable(9), WriteState.UNKNOWN),  # an estimate proves nothing
        (LiveTable(9, counted=True), WriteState.CHANGED),
        (LiveTable(4, counted=True), WriteState.UNKNOWN),  # as many rows need not be the same rows
        (LiveTable(4, written=LATER), WriteState.CHANGED),
        (LiveTable(4, written=EARLIER), WriteState.SAME),
        (LiveTable(4, written=SOON), WriteState.UNKNOWN),  # the clocks may differ
    ],
)
def test_what_follows_from_what_is_known(live: LiveTable, expected: WriteState) -> None:
    [found] = compare(MANIFEST, {"users": live})
    assert (found.table, found.written, found.then) == ("users", expected, 4)


def test_a_backup_that_counted_nothing_leaves_it_to_the_server() -> None:
    manifest = replace(MANIFEST, rows={})
    known = [compare(manifest, {"users": LiveTable(4, written=at)})[0].written for at in (LATER, EARLIER, None)]
    assert known == [WriteState.CHANGED, WriteState.SAME, WriteState.UNKNOWN]


@pytest.mark.parametrize(
    ("then", "now", "expected", "grown"),
    [
        (5, 12, WriteState.ADDED, 7),
        (5, 5, WriteState.UNKNOWN, None),
        (9, 1, WriteState.UNKNOWN, None),
        (5, None, WriteState.UNKNOWN, None),
    ],
)
def test_where_nothing_else_tells_the_counter_does(
    then: int, now: int | None, expected: WriteState, grown: int | None
) -> None:
    manifest = replace(MANIFEST, rows={}, counters={"users": then})
    [found] = compare(manifest, {"users": LiveTable(4, counter=now)})
    assert (found.written, found.grown) == (expected, grown)
    [told] = compare(manifest, {"users": LiveTable(4, written=EARLIER, counter=now)})
    assert told.written is WriteState.SAME, "the server remembers: what was counted then was rolled back"


def test_tables_come_and_go() -> None:
    assert compare(MANIFEST, {"newer": LiveTable(7, counted=True)}) == (
        TableWrites("newer", WriteState.NEW, None, 7, counted=True),
        TableWrites("users", WriteState.GONE, 4),
    )


async def test_it_is_read_from_the_server(
    database: DemoDatabase, target_of: Callable[..., Target], connections: Connector
) -> None:
    target, host = target_of(database, scratch=True), LocalHost()
    async with session_of(database) as cursor:
        for table in ("same", "`emp``tied`", "edited", "gone"):
            await cursor.execute(f"CREATE TABLE {table} (id INT PRIMARY KEY, name VARCHAR(10))")
            await cursor.execute(f"INSERT INTO {table} VALUES (1, 'one'), (2, 'two')")
    done(await performer(host).perform(job_of(target), KeptOutput()))
    async with session_of(database) as cursor:
        for statement in (
            "DELETE FROM `emp``tied`",
            "UPDATE edited SET name = 'three' WHERE id = 2",
            "DROP TABLE gone",
            "CREATE TABLE newer (id INT)",
        ):
            await cursor.execute(statement)
    found = await WritesSinceReader(connections).since(target, await access_to(host).catalog.manifest(target, BACKUP))
    assert {one.table: (one.written, one.then, one.now) for one in found} == {
        "same": (WriteState.SAME, 2, 2),
        "emp`tied": (WriteState.CHANGED, 2, 0),
        "edited": (WriteState.CHANGED, 2, 2),
        "gone": (WriteState.GONE, 2, None),
        "newer": (WriteState.NEW, None, 0),
    }
    assert all(one.counted for one in found if one.now is not None)


async def test_a_locked_table_holds_nothing_up(
    database: DemoDatabase, target_of: Callable[..., Target], connections: Connector
) -> None:
    target, host = target_of(database, scratch=True), LocalHost()
    async with session_of(database) as cursor:
        await cursor.execute("CREATE TABLE busy (id INT)")
        done(await performer(host).perform(job_of(target), KeptOutput()))
        await cursor.execute("LOCK TABLES busy WRITE")
        [found] = await WritesSinceReader(connections).since(
            target, await access_to(host).catalog.manifest(target, BACKUP)
        )
    assert (found.table, found.written, found.counted) == ("busy", WriteState.UNKNOWN, False)


async def test_counters_are_read_from_the_server(
    database: DemoDatabase, target_of: Callable[..., Target], connections: Connector
) -> None:
    target = target_of(database)
    async with session_of(database) as cursor:
        await cursor.execute("CREATE TABLE `one``s` (id INT AUTO_INCREMENT PRIMARY KEY)")
        await cursor.execute("CREATE TABLE none_has (id INT PRIMARY KEY)")
        await cursor.execute("INSERT INTO `one``s` VALUES (), (), ()")
    written = WritesSinceReader(connections)
    assert await written.counters(target) == {"one`s": 4}
    manifest = replace(MANIFEST, tables=("one`s", "none_has"), rows={}, counters={"one`s": 2})
    assert {one.table: one.grown for one in await written.since(target, manifest)} == {"one`s": 2, "none_has": None}
