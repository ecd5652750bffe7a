"""The schema as it is read from a server, held against the server's own words."""

import re

import pymysql

from bot.databases.migrations.sql.ddl import EffectKind, StatementEffect
from bot.databases.server.connector import Connector
from bot.databases.server.schema import Column, canonical, schema_digests, schema_effects
from bot.databases.server.tables import live_schema
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.targets.target import Target
from tests.databases.support.contents import execute, session_of
from tests.support import on_mysql

NO_DEFAULT = 1364
COLUMNS = {
    "required": "INT NOT NULL",
    "filled": "INT NOT NULL DEFAULT 7",
    "word": "VARCHAR(10) NOT NULL DEFAULT 'NULL'",
    "blank": "VARCHAR(10) NOT NULL DEFAULT ''",
    "quoted": "VARCHAR(10) NOT NULL DEFAULT 'it''s'",
    "optional": "INT",
    "nothing": "INT DEFAULT NULL",
    "touched": "TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP",
    "counted": "INT NOT NULL AUTO_INCREMENT UNIQUE",
    "made": "INT GENERATED ALWAYS AS (1) STORED",
    "computed": "VARCHAR(40) NOT NULL DEFAULT (UUID())",
}


async def test_what_an_insert_may_leave_out_is_what_the_server_lets_it_leave_out(
    connections: Connector, target: Target, database: DemoDatabase
) -> None:
    await execute(database, "CREATE TABLE t (" + ", ".join(f"{name} {of}" for name, of in COLUMNS.items()) + ")")
    async with connections.reading(target) as session:
        schema = await live_schema(session)
    required = {name for (_, name), column in schema.columns.items() if column.required}
    refused = set()
    async with session_of(database) as cursor:
        await cursor.execute("SET SESSION sql_mode = 'STRICT_ALL_TABLES'")
        for name in COLUMNS:
            others = {"required": "1"} if name != "required" else {"filled": "1"}
            try:
                await cursor.execute(f"INSERT INTO t ({', '.join(others)}) VALUES ({', '.join(others.values())})")
            except pymysql.err.OperationalError as error:
                assert error.args[0] == NO_DEFAULT  # noqa: PT017 - not every column is refused
                refused.add(name)
    assert required == refused == {"required"}


async def test_each_column_reads_as_the_server_itself_shows_it(
    connections: Connector, target: Target, database: DemoDatabase, mariadb: DatabaseServer
) -> None:
    await execute(database, "CREATE TABLE t (" + ", ".join(f"{name} {of}" for name, of in COLUMNS.items()) + ")")
    [shown] = await mariadb.query("SHOW CREATE TABLE t", database=database.name)
    lines = dict(re.findall(r"^  `(\w+)` (.*?),?$", shown["Create Table"], re.MULTILINE))
    async with connections.reading(target) as session:
        schema = await live_schema(session)
    for (_, name), column in schema.columns.items():
        assert column.nullable is ("NOT NULL" not in lines[name]), name
        assert _has_default(column) is bool(re.search(r"DEFAULT (?!NULL\b)", lines[name])), name


def _has_default(column: Column) -> bool:
    return " DEFAULT " in column.definition


async def test_a_column_that_old_code_does_not_fill_is_seen(
    connections: Connector, target: Target, database: DemoDatabase
) -> None:
    await execute(database, "CREATE TABLE t (id INT PRIMARY KEY)")
    async with connections.reading(target) as session:
        before = await live_schema(session)
    await execute(database, "ALTER TABLE t ADD needed INT NOT NULL")
    async with connections.reading(target) as session:
        after = await live_schema(session)
    assert StatementEffect(EffectKind.COLUMN_REQUIRED, "t", "needed") in schema_effects(before, after)


@on_mysql("indexes on expressions")
async def test_an_index_on_an_expression_is_shown_and_told_from_another(
    connections: Connector, target: Target, database: DemoDatabase
) -> None:
    await execute(database, "CREATE TABLE t (a VARCHAR(20), b INT, INDEX i ((LOWER(a)), b))")
    async with connections.reading(target) as session:
        first = canonical(await live_schema(session))
    await execute(database, "ALTER TABLE t DROP INDEX i, ADD INDEX i ((UPPER(a)), b)")
    async with connections.reading(target) as session:
        second = canonical(await live_schema(session))
    assert "t index i ((lower(`a`)), b)" in first
    assert "t index i ((upper(`a`)), b)" in second


MADE = (
    "CREATE TABLE parent (id INT PRIMARY KEY, other INT UNIQUE)",
    "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20), n INT, KEY byname (a), KEY byn (n)) COLLATE utf8mb4_unicode_ci",
    "ALTER TABLE t ADD CONSTRAINT refers FOREIGN KEY (n) REFERENCES parent (id)",
    "ALTER TABLE t ADD CONSTRAINT positive CHECK (n > 0)",
    "CREATE TABLE parted (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10))",
    "CREATE VIEW seen AS SELECT id, a FROM t",
    "CREATE TRIGGER keeps BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 'x'",
    "CREATE PROCEDURE does(IN a INT) SELECT 1",
    "CREATE FUNCTION gives(a INT) RETURNS INT DETERMINISTIC RETURN a * 2",
    "CREATE EVENT comes ON SCHEDULE EVERY 1 DAY DO SELECT 1",
)
CHANGES: tuple[tuple[str, set[str]], ...] = (
    ("INSERT INTO parent VALUES (1, 1); INSERT INTO t VALUES (1, 'a', 1); DELETE FROM t", set()),
    ("ALTER EVENT comes DISABLE", set()),
    ("ALTER TABLE t MODIFY a VARCHAR(20) COLLATE utf8mb4_bin", {"t"}),
    ("ALTER TABLE t COLLATE utf8mb4_bin", {"t"}),
    ("ALTER TABLE t MODIFY n INT COMMENT 'years'", {"t"}),
    ("ALTER TABLE t COMMENT 'people'", {"t"}),
    ("ALTER TABLE parted ROW_FORMAT = COMPACT", {"parted"}),
    ("ALTER TABLE t DROP KEY byname; ALTER TABLE t ADD KEY byname (a)", set()),
    ("ALTER TABLE t DROP KEY byname; ALTER TABLE t ADD FULLTEXT KEY byname (a)", {"t"}),
    ("ALTER TABLE t ADD CONSTRAINT other FOREIGN KEY (n) REFERENCES parent (id) ON DELETE CASCADE", {"t"}),
    ("ALTER TABLE t DROP FOREIGN KEY other", {"t"}),
    ("ALTER TABLE t ADD CONSTRAINT other FOREIGN KEY (n) REFERENCES parent (other) ON DELETE CASCADE", {"t"}),
    ("ALTER TABLE t DROP CONSTRAINT positive", {"check t.positive"}),
    ("ALTER TABLE t ADD CONSTRAINT positive CHECK (n > 5)", {"check t.positive"}),
    ("ALTER TABLE parted ADD PARTITION (PARTITION p1 VALUES LESS THAN (20))", {"parted"}),
    ("ALTER TABLE parted REMOVE PARTITIONING", {"parted"}),
    ("CREATE OR REPLACE VIEW seen AS SELECT id, a FROM t WHERE id > 3", {"view seen"}),
    ("CREATE OR REPLACE VIEW seen AS SELECT id, a FROM t WHERE id > 3 WITH CHECK OPTION", {"view seen"}),
    ("DROP TRIGGER keeps; CREATE TRIGGER keeps BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 'y'", {"trigger keeps"}),
    ("DROP TRIGGER keeps; CREATE TRIGGER keeps BEFORE UPDATE ON t FOR EACH ROW SET NEW.a = 'y'", {"trigger keeps"}),
    ("DROP PROCEDURE does; CREATE PROCEDURE does(IN a INT) SELECT 2", {"procedure does"}),
    ("DROP PROCEDURE does; CREATE PROCEDURE does(INOUT a INT) SELECT 2", {"procedure does"}),
    (
        "DROP FUNCTION gives; CREATE FUNCTION gives(a INT) RETURNS BIGINT DETERMINISTIC RETURN a * 2",
        {"function gives"},
    ),
    ("ALTER EVENT comes DO SELECT 2", {"event comes"}),
    ("ALTER EVENT comes ON SCHEDULE EVERY 2 DAY", {"event comes"}),
)
"""Statements, and what is then another than before them."""


async def test_every_kind_of_difference_is_seen_where_it_is(
    connections: Connector, target: Target, database: DemoDatabase
) -> None:
    await execute(database, *MADE)
    before, found = await _digests(connections, target), []
    for statements, _ in CHANGES:
        await execute(database, *statements.split("; "))
        after = await _digests(connections, target)
        found.append((statements, {place for place in before | after if before.get(place) != after.get(place)}))
        before = after
    assert tuple(found) == CHANGES


async def _digests(connections: Connector, target: Target) -> dict[str, str]:
    async with connections.reading(target) as session:
        return schema_digests(await live_schema(session))
