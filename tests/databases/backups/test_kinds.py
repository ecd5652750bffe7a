"""Backups of what databases hold beside plain tables: dumped, proven in a private server, and put back."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiomysql
import pytest
import pytest_asyncio

from bot.databases.backups.leftovers import LeftoverReader
from bot.databases.backups.restore import SwapPerformer
from bot.databases.backups.writes_since import WritesSinceReader
from bot.databases.server.connector import Connector
from bot.demo.host.database import DatabaseServer
from bot.domain.backups.writes_since import WriteState
from bot.domain.targets.scratch import ScratchBeside
from tests.databases.support.contents import checksums, definitions, session_of
from tests.databases.support.local import KeptOutput, LocalHost, StraightTunnels, access_to, prover
from tests.databases.support.manifests import manifest_of
from tests.databases.support.steps import BACKUP, done, job_of, loaded, performer, private_job, swap_job_of
from tests.databases.support.targets import target_on
from tests.support.vendors import PROGRAMS


@dataclass(frozen=True)
class Kind:
    """Something that a database can hold.

    Args:
        name: of the test.
        table: that is made first; a server that refuses that has not this kind.
        more: statements that fill it, and what is made on it.
        before: for the session that makes it.
    """

    name: str
    table: str
    more: tuple[str, ...] = ()
    before: tuple[str, ...] = ()


KINDS = (
    Kind(
        "invisible columns",
        "CREATE TABLE hidden (id INT PRIMARY KEY, seen INT, hidden INT INVISIBLE DEFAULT 7)",
        ("INSERT INTO hidden (id, seen) VALUES (1, 1)", "INSERT INTO hidden (id, seen, hidden) VALUES (2, 2, 9)"),
    ),
    Kind(
        "generated invisible primary keys",
        "CREATE TABLE keyless (a INT)",
        ("INSERT INTO keyless (a) VALUES (4), (5)",),
        before=("SET SESSION sql_generate_invisible_primary_key = ON",),
    ),
    Kind(
        "indexes on expressions",
        "CREATE TABLE expressed (id INT PRIMARY KEY, name VARCHAR(50), UNIQUE KEY lowered ((LOWER(name))),"
        " KEY twice ((id * 2), name))",
        ("INSERT INTO expressed VALUES (1, 'Été'), (2, 'b')",),
    ),
    Kind(
        "indexes on generated columns",
        "CREATE TABLE generated_index (id INT PRIMARY KEY, name VARCHAR(50),"
        " lowered VARCHAR(50) AS (LOWER(name)) VIRTUAL, twice INT AS (id * 2) STORED,"
        " UNIQUE KEY (lowered), KEY (twice))",
        ("INSERT INTO generated_index (id, name) VALUES (1, 'Été'), (2, 'b')",),
    ),
    Kind(
        "JSON",
        "CREATE TABLE docs (id INT PRIMARY KEY, doc JSON, also JSON DEFAULT (JSON_ARRAY(1, 'two')))",
        (
            r"""INSERT INTO docs (id, doc) VALUES (1, '{"b": [1, 2.50, 1e300], "a": "é🎉 \\" \\\\ \\n", "": {}}')""",
            "INSERT INTO docs (id, doc) VALUES (2, NULL), (3, '18446744073709551615'), (4, '\"\"'), (5, 'true')",
        ),
    ),
    Kind(
        "indexes on JSON arrays",
        "CREATE TABLE arrays (id INT PRIMARY KEY, doc JSON, KEY zips ((CAST(doc->'$.zip' AS UNSIGNED ARRAY))))",
        ("""INSERT INTO arrays VALUES (1, '{"zip": [75001, 75002]}'), (2, '{"zip": []}')""",),
    ),
    Kind(
        "places with a spatial index",
        "CREATE TABLE places (id INT PRIMARY KEY, spot POINT NOT NULL, area GEOMETRY, SPATIAL INDEX (spot))",
        (
            "INSERT INTO places VALUES (1, ST_GeomFromText('POINT(2.35 48.85)', 0), NULL),"
            " (2, ST_GeomFromText('POINT(-0 1e10)', 0), ST_GeomFromText('MULTIPOLYGON(((0 0,0 3,3 3,3 0,0 0)))', 0))",
        ),
    ),
    Kind(
        "places in a reference system (MySQL)",
        "CREATE TABLE srid (id INT PRIMARY KEY, spot POINT NOT NULL SRID 4326, SPATIAL INDEX (spot))",
        ("INSERT INTO srid VALUES (1, ST_GeomFromText('POINT(48.85 2.35)', 4326))",),
    ),
    Kind(
        "places in a reference system (MariaDB)",
        "CREATE TABLE ref_system (id INT PRIMARY KEY, spot POINT REF_SYSTEM_ID=4326 NOT NULL, SPATIAL INDEX (spot))",
        ("INSERT INTO ref_system VALUES (1, ST_GeomFromText('POINT(2.35 48.85)', 4326))",),
    ),
    Kind(
        "partitions",
        "CREATE TABLE ranged (id INT, born DATE NOT NULL, PRIMARY KEY (id, born)) PARTITION BY RANGE (YEAR(born))"
        " SUBPARTITION BY HASH (id) SUBPARTITIONS 2"
        " (PARTITION `old ones` VALUES LESS THAN (2000), PARTITION rest VALUES LESS THAN MAXVALUE)",
        (
            "INSERT INTO ranged VALUES (1, '1999-12-31'), (2, '2026-11-30')",
            "CREATE TABLE listed (place VARCHAR(9) PRIMARY KEY) PARTITION BY LIST COLUMNS (place)"
            " (PARTITION fr VALUES IN ('Paris', 'Été'), PARTITION de VALUES IN ('Köln'))",
            "INSERT INTO listed VALUES ('Été'), ('Köln')",
            "CREATE TABLE keyed (id INT PRIMARY KEY) PARTITION BY KEY () PARTITIONS 3",
            "INSERT INTO keyed VALUES (1), (2), (3)",
        ),
    ),
    Kind(
        "the collation utf8mb4_0900_ai_ci",
        "CREATE TABLE unicode_0900 (name VARCHAR(50) PRIMARY KEY) COLLATE utf8mb4_0900_ai_ci",
        (
            "INSERT INTO unicode_0900 VALUES ('Été'), ('漢🎉')",
            "CREATE FUNCTION joined(a VARCHAR(9)) RETURNS VARCHAR(20) DETERMINISTIC RETURN CONCAT(a, 'é')",
            "CREATE VIEW seen AS SELECT name, joined('é') AS j FROM unicode_0900 WHERE name = 'ete'",
        ),
    ),
    Kind(
        "zero dates under strict mode",
        "CREATE TABLE zero (id INT PRIMARY KEY, born DATE NOT NULL DEFAULT '0000-00-00',"
        " seen DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00', at TIMESTAMP NOT NULL DEFAULT '0000-00-00 00:00:00')",
        (
            "INSERT INTO zero (id) VALUES (1)",
            "INSERT INTO zero VALUES (2, '2026-02-00', '0000-00-00 00:00:00', '2026-03-29 01:30:00')",
        ),
        before=("SET SESSION sql_mode = ''",),
    ),
    Kind(
        "checks, comments and odd defaults",
        "CREATE TABLE defaults (id INT PRIMARY KEY, age INT CHECK (age > 0), d DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6)"
        " ON UPDATE CURRENT_TIMESTAMP(6) COMMENT 'it''s \\\\ é', u VARCHAR(40) DEFAULT (UUID()), b BIT(3) DEFAULT b'1',"
        " e ENUM('a', 'it''s', '') NOT NULL DEFAULT '', y YEAR, t TIME(3), f DOUBLE, n DECIMAL(30, 10)) COMMENT 'a;b'",
        ("INSERT INTO defaults (id, age, f, n, t) VALUES (1, 1, 0.1, 12345678901234567890.0123456789, '-838:59:59')",),
    ),
    Kind(
        "texts with comments",
        "CREATE TABLE told (a INT)",
        (
            "INSERT INTO told VALUES (1)",
            "CREATE TRIGGER told_before BEFORE INSERT ON told FOR EACH ROW BEGIN /* é; */ SET NEW.a = 5; -- it's\n END",
            "CREATE PROCEDURE tells(IN a INT /* years */)\n# the first line\nSELECT /* \"b\" */ '-- c', 1 -- d\n + 2",
            "CREATE EVENT telling ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM told /* nightly */ WHERE a < 0",
        ),
    ),
)


@dataclass
class Trip:
    """What became of a database with every kind that the server has.

    Args:
        version: of the server.
        refused: by the name of a kind that the server has not: what it said.
        before: what each kind made, by the name of the kind.
        after: the same when all of it was dumped, proven, altered and put back.
        moving: how many tables were being written when the dump began, so that only their rows could be counted.
        written: what is known of writes since the dump, of which there were none, by table.
    """

    version: str = ""
    refused: dict[str, str] = field(default_factory=dict)
    before: dict[str, list[object]] = field(default_factory=dict)
    after: dict[str, list[object]] = field(default_factory=dict)
    moving: int = 0
    written: dict[str, WriteState] = field(default_factory=dict)


async def of_kinds(server: DatabaseServer, name: str) -> dict[str, list[object]]:
    """What there is of each kind: what makes its tables, their rows, and what is beside them."""
    found: dict[str, list[object]] = {}
    sums, beside = await checksums(server, name), await definitions(server, name)
    for kind in KINDS:
        for made in re.findall(
            r"CREATE (?:TABLE|VIEW|TRIGGER|PROCEDURE|FUNCTION|EVENT) (\w+)", " ".join((kind.table, *kind.more))
        ):
            texts = await server.query(f"SHOW CREATE TABLE `{made}`", database=name) if made in sums else []
            rows = await server.query(f"SELECT * FROM `{made}`", database=name) if made in sums else []
            # MySQL says which character set a column has where that was said when it was made.
            makes = [re.sub(r" CHARACTER SET \w+", "", text["Create Table"]) for text in texts]
            found.setdefault(kind.name, []).extend([makes, rows, [one for one in beside if made in one]])
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def trip(mariadb: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trip]:
    """A database with every kind that the server has, dumped, proven, altered and put back."""
    found = Trip()
    database = await mariadb.create("every_kind")
    [[found.version]] = [row.values() for row in await mariadb.query("SELECT VERSION()")]
    if PROGRAMS.vendor == "MySQL":
        await mariadb.query(f"GRANT SESSION_VARIABLES_ADMIN ON *.* TO `{database.user}`")
    kinds = []
    for kind in KINDS:
        async with session_of(database) as cursor:
            try:
                for statement in (*kind.before, kind.table):
                    await cursor.execute(statement)
            except aiomysql.Error as error:
                found.refused[kind.name] = str(error)
                continue
            for statement in kind.more:
                await cursor.execute(statement)
            kinds.append(kind)
    folder = tmp_path_factory.mktemp("kinds")
    target = target_on(database, folder, scratch=ScratchBeside())
    host = LocalHost(home=folder)
    found.before = await of_kinds(mariadb, database.name)
    made = done(await performer(host).perform(job_of(target), KeptOutput()))
    output = KeptOutput()
    facts = done(await prover(access_to(host)).perform(private_job(target), output))
    assert facts["proof"] == "proven", (facts, output.text)
    found.moving = json.loads((folder / "backups" / f"{BACKUP}.json").read_text())["moving"]
    connections = Connector(StraightTunnels().open)
    since = await WritesSinceReader(connections).since(target, manifest_of(target))
    found.written = {one.table: one.written for one in since}
    for kind in kinds:
        [table] = re.findall(r"^CREATE TABLE (\w+)", kind.table)
        await mariadb.query(f"DELETE FROM {table}", database=database.name)
    await loaded(host, target, made["sha256"])
    done(await SwapPerformer(access_to(host), LeftoverReader(connections)).perform(swap_job_of(target), KeptOutput()))
    found.after = await of_kinds(mariadb, database.name)
    yield found
    await mariadb.drop(database)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_a_kind_of_contents_is_dumped_proven_and_put_back(kind: Kind, trip: Trip) -> None:
    if kind.name in trip.refused:
        pytest.skip(f"{trip.version} has not: {kind.name}: {trip.refused[kind.name]}")
    assert any(trip.before[kind.name])
    assert trip.after[kind.name] == trip.before[kind.name]


async def test_the_rows_of_every_kind_are_compared_and_none_seems_to_move(trip: Trip) -> None:
    assert trip.moving == 0
    assert set(trip.written.values()) == {WriteState.SAME}
