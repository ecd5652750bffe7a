"""What a rehearsal says of each kind of change, held against what the same migrations then really do."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import aiomysql

from bot.databases.server.connector import Connector
from bot.databases.server.schema import schema_digests
from bot.databases.server.tables import live_schema
from bot.demo.application.application import Application
from bot.demo.host.database import DatabaseServer
from bot.domain.runs.findings import MigrationFinding, RowsChanged, SchemaDigest, StatementFinding
from bot.domain.runs.migration_risk import MigrationRisk, Online
from bot.hosts.connections import Connections
from tests.databases.support.contents import session_of
from tests.databases.support.sandboxed import SandboxStage, those
from tests.support.laravel_oddities import pull
from tests.support.vendors import PROGRAMS

SAFE, SLOW, DESTROYS, UNKNOWN = (
    MigrationRisk.SAFE,
    MigrationRisk.SLOW,
    MigrationRisk.DESTRUCTIVE,
    MigrationRisk.UNKNOWN,
)
ON_MYSQL = PROGRAMS.vendor == "MySQL"
PARTS = "PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)"


@dataclass(frozen=True)
class Kind:
    """A change of something that a database can hold. The table that it is about has the name of the kind.

    Args:
        before: statements that make it; a server that refuses one has not this kind.
        change: statements of the migration.
        risk: of the migration; None for one that asks for more approvals, whichever it is.
    """

    before: tuple[str, ...]
    change: tuple[str, ...]
    risk: MigrationRisk | None


KINDS = {
    "generated_added": Kind(
        ("CREATE TABLE generated_added (id INT PRIMARY KEY)", "INSERT INTO generated_added VALUES (1), (2)"),
        ("ALTER TABLE generated_added ADD twice INT AS (id * 2) STORED",),
        SLOW,
    ),
    "generated_otherwise": Kind(
        (
            "CREATE TABLE generated_otherwise (id INT PRIMARY KEY, twice INT AS (id * 2) STORED)",
            "INSERT INTO generated_otherwise (id) VALUES (1), (2)",
        ),
        ("ALTER TABLE generated_otherwise MODIFY twice INT AS (id * 3) STORED",),
        None,
    ),
    "invisible": Kind(
        ("CREATE TABLE invisible (id INT PRIMARY KEY, a INT DEFAULT 1)", "INSERT INTO invisible VALUES (1, 1)"),
        ("ALTER TABLE invisible MODIFY a INT INVISIBLE DEFAULT 1",),
        SAFE,
    ),
    "functional": Kind(
        (
            "CREATE TABLE functional (id INT PRIMARY KEY, a VARCHAR(9), KEY ((id * 2)))",
            "INSERT INTO functional VALUES (1, 'A')",
        ),
        ("ALTER TABLE functional ADD INDEX lowered ((LOWER(a)))",),
        SLOW,
    ),
    "json": Kind(
        ("CREATE TABLE json (id INT PRIMARY KEY, doc JSON)", """INSERT INTO json VALUES (1, '{"a": 1}'), (2, NULL)"""),
        ("ALTER TABLE json ADD more JSON", "UPDATE json SET doc = JSON_SET(doc, '$.b', 2) WHERE doc IS NOT NULL"),
        DESTROYS,
    ),
    "spatial_index": Kind(
        (
            "CREATE TABLE spatial_index (id INT PRIMARY KEY, spot POINT NOT NULL)",
            "INSERT INTO spatial_index VALUES (1, ST_GeomFromText('POINT(1 2)', 0))",
        ),
        ("ALTER TABLE spatial_index ADD SPATIAL INDEX spots (spot)",),
        SLOW,
    ),
    "part_dropped": Kind(
        (f"CREATE TABLE part_dropped (id INT PRIMARY KEY) {PARTS}", "INSERT INTO part_dropped VALUES (1), (2), (20)"),
        ("ALTER TABLE part_dropped DROP PARTITION p0",),
        DESTROYS,
    ),
    "versions_added": Kind(
        (
            "CREATE TABLE probe (a INT) WITH SYSTEM VERSIONING",
            "DROP TABLE probe",
            "CREATE TABLE versions_added (id INT PRIMARY KEY)",
            "INSERT INTO versions_added VALUES (1)",
        ),
        ("ALTER TABLE versions_added ADD SYSTEM VERSIONING",),
        SLOW,
    ),
    "versions_dropped": Kind(
        (
            "CREATE TABLE versions_dropped (id INT PRIMARY KEY, a INT) WITH SYSTEM VERSIONING",
            "INSERT INTO versions_dropped VALUES (1, 1)",
            "UPDATE versions_dropped SET a = 2",
        ),
        ("ALTER TABLE versions_dropped DROP SYSTEM VERSIONING",),
        DESTROYS,
    ),
    "versions_written": Kind(
        (
            "CREATE TABLE versions_written (id INT PRIMARY KEY, a INT) WITH SYSTEM VERSIONING",
            "INSERT INTO versions_written VALUES (1, 1), (2, 2), (3, 3)",
        ),
        ("UPDATE versions_written SET a = 9 WHERE id = 1", "DELETE FROM versions_written WHERE id = 2"),
        DESTROYS,
    ),
    "zero_dates": Kind(
        (
            "SET SESSION sql_mode = ''",
            "CREATE TABLE zero_dates (id INT PRIMARY KEY, born DATE)",
            "INSERT INTO zero_dates VALUES (1, '0000-00-00'), (2, '2026-02-00')",
        ),
        ("ALTER TABLE zero_dates ADD seen INT",),
        SAFE,
    ),
    "collation": Kind(
        (
            "CREATE TABLE collation (a VARCHAR(9) PRIMARY KEY) COLLATE utf8mb4_unicode_ci",
            "INSERT INTO collation VALUES ('a'), ('É')",
        ),
        ("ALTER TABLE collation MODIFY a VARCHAR(9) COLLATE utf8mb4_bin NOT NULL",),
        SLOW,
    ),
    "collation_0900": Kind(
        (
            "CREATE TABLE probe (a VARCHAR(9)) COLLATE utf8mb4_0900_ai_ci",
            "DROP TABLE probe",
            "CREATE TABLE collation_0900 (a VARCHAR(9) PRIMARY KEY) COLLATE utf8mb4_unicode_ci",
            "INSERT INTO collation_0900 VALUES ('a')",
        ),
        ("ALTER TABLE collation_0900 CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci",),
        SLOW,
    ),
    "comment": Kind(
        ("CREATE TABLE comment (id INT PRIMARY KEY, a INT)", "INSERT INTO comment VALUES (1, 1)"),
        ("ALTER TABLE comment MODIFY a INT COMMENT 'years, at line 1'",),
        SAFE,
    ),
    "refers": Kind(
        (
            "CREATE TABLE referred (id INT PRIMARY KEY)",
            "CREATE TABLE refers (id INT PRIMARY KEY, a INT)",
            "INSERT INTO referred VALUES (1)",
            "INSERT INTO refers VALUES (1, 1)",
        ),
        ("ALTER TABLE refers ADD CONSTRAINT of_a FOREIGN KEY (a) REFERENCES referred (id) ON DELETE CASCADE",),
        SLOW,
    ),
    "refers_no_more": Kind(
        (
            "CREATE TABLE refers_no_more (id INT PRIMARY KEY, b INT,"
            " CONSTRAINT of_b FOREIGN KEY (b) REFERENCES referred (id))",
            "INSERT INTO refers_no_more VALUES (1, 1)",
        ),
        ("ALTER TABLE refers_no_more DROP FOREIGN KEY of_b",),
        SAFE,
    ),
    "checks": Kind(
        (
            "CREATE TABLE checks (id INT PRIMARY KEY, a INT, b VARCHAR(9),"
            " CONSTRAINT kept CHECK (b <> '' AND a IN (1, 2)))",
            "INSERT INTO checks VALUES (1, 1, 'x')",
        ),
        ("ALTER TABLE checks ADD CONSTRAINT more CHECK (a BETWEEN 1 AND 5)",),
        SLOW,
    ),
    "part_split": Kind(
        (f"CREATE TABLE part_split (id INT PRIMARY KEY) {PARTS}", "INSERT INTO part_split VALUES (1), (20), (200)"),
        (
            "ALTER TABLE part_split REORGANIZE PARTITION p1 INTO"
            " (PARTITION p1 VALUES LESS THAN (99), PARTITION p2 VALUES LESS THAN MAXVALUE)",
        ),
        UNKNOWN,
    ),
    "partitioned": Kind(
        ("CREATE TABLE partitioned (id INT PRIMARY KEY)", "INSERT INTO partitioned VALUES (1), (2)"),
        ("ALTER TABLE partitioned PARTITION BY HASH (id) PARTITIONS 2",),
        UNKNOWN,
    ),
    "sequences": Kind(
        ("CREATE SEQUENCE kept", "CREATE SEQUENCE gone"),
        ("CREATE SEQUENCE made", "ALTER SEQUENCE kept RESTART 500", "DROP SEQUENCE gone"),
        UNKNOWN,
    ),
    "event_made": Kind((), ("CREATE EVENT event_made ON SCHEDULE EVERY 1 DAY DO SELECT 1",), UNKNOWN),
    "event_dropped": Kind(
        ("CREATE EVENT event_dropped ON SCHEDULE EVERY 1 SECOND ON COMPLETION PRESERVE DO SELECT 1",),
        ("ALTER EVENT event_dropped ON SCHEDULE EVERY 2 SECOND", "DROP EVENT event_dropped"),
        UNKNOWN,
    ),
    "trigger_made": Kind(
        ("CREATE TABLE trigger_made (id INT PRIMARY KEY, a INT)", "INSERT INTO trigger_made VALUES (1, 1)"),
        ("CREATE TRIGGER sets BEFORE UPDATE ON trigger_made FOR EACH ROW SET NEW.a = 5",),
        UNKNOWN,
    ),
    "trigger_dropped": Kind(
        (
            "CREATE TABLE trigger_dropped (id INT PRIMARY KEY, a INT)",
            "CREATE TRIGGER went BEFORE INSERT ON trigger_dropped FOR EACH ROW SET NEW.a = 5",
        ),
        ("DROP TRIGGER went",),
        UNKNOWN,
    ),
    "routines": Kind(
        ("CREATE PROCEDURE old_one() SELECT 1",),
        ("DROP PROCEDURE old_one", "CREATE FUNCTION new_one(a INT) RETURNS INT DETERMINISTIC RETURN a * 2"),
        UNKNOWN,
    ),
    "views": Kind(
        (
            "CREATE TABLE views (id INT PRIMARY KEY, a INT)",
            "CREATE VIEW replaced AS SELECT id, a FROM views",
            "CREATE VIEW dropped AS SELECT id FROM views",
        ),
        ("CREATE OR REPLACE VIEW replaced AS SELECT id FROM views", "DROP VIEW dropped"),
        UNKNOWN,
    ),
    "untouched": Kind(
        (
            "CREATE TABLE untouched (id INT PRIMARY KEY, a INT, at DATETIME)",
            "CREATE VIEW left_alone AS SELECT t.id, CAST(t.a AS CHAR) x, IF(t.a > 1, 'é', NULL) y,"
            " t.at + INTERVAL 1 DAY z FROM untouched t LEFT JOIN untouched o ON (o.id = t.id)"
            " WHERE (t.a BETWEEN 1 AND 3) OR NOT t.id IN (1, 2)",
            "CREATE PROCEDURE commented(IN a INT) SELECT /* all of them */ 1",
            "CREATE TRIGGER stays BEFORE INSERT ON untouched FOR EACH ROW SET NEW.a = /* always */ 5",
            "CREATE EVENT waits ON SCHEDULE EVERY 1 DAY DO SELECT 'é' /* daily */",
        ),
        ("DO 1",),
        UNKNOWN,
    ),
    "engine": Kind(
        ("CREATE TABLE engine (id INT PRIMARY KEY)", "INSERT INTO engine VALUES (1)"),
        ("ALTER TABLE engine ENGINE=MyISAM",),
        UNKNOWN,
    ),
}
"""Each kind that servers have, by the name of its table. What cannot be read comes last: after it less is known."""

Rows = dict[Any, tuple[Any, ...]]


async def made(app: Application) -> dict[str, Kind]:
    """Make what the kinds begin with, and give those that the server has."""
    found = {}
    for name, kind in KINDS.items():
        async with session_of(app.database) as cursor:
            try:
                for statement in kind.before:
                    await cursor.execute(statement)
            except (aiomysql.ProgrammingError, aiomysql.OperationalError):
                continue  # syntax, or a collation
        found[name] = kind
    return found


async def rows_of(mariadb: DatabaseServer, database: str, table: str) -> Rows | None:
    """The rows of a table by their first column; None where there is no such table."""
    try:
        rows = await mariadb.query(f"SELECT * FROM `{table}`", database=database)
    except aiomysql.Error:
        return None
    return {next(iter(row.values())): tuple(row.values()) for row in rows}


def became(before: Rows, after: Rows) -> tuple[int, int, int]:
    """How many rows went, are others in the columns that both have, and came."""
    both = before.keys() & after.keys()
    changed = sum(any(was != now for was, now in zip(before[key], after[key], strict=False)) for key in both)
    return len(before.keys() - after.keys()), changed, len(after.keys() - before.keys())


async def identities(mariadb: DatabaseServer, database: str) -> dict[str, set[int]]:
    """InnoDB's numbers of each table and its partitions: others once the table was copied."""
    table = "innodb_tables" if ON_MYSQL else "innodb_sys_tables"
    found: dict[str, set[int]] = {}
    for row in await mariadb.query(f"SELECT name AS n, table_id AS t FROM information_schema.{table}"):
        name, _, rest = row["n"].partition("/")
        if name == database:
            found.setdefault(re.split("#", rest, maxsplit=1)[0], set()).add(row["t"])
    return found


async def test_what_is_said_of_each_kind_of_change_is_what_it_does(
    laravel_at_first: Application, hosts: Connections, mariadb: DatabaseServer, connections: Connector
) -> None:
    stage, name = SandboxStage(laravel_at_first, hosts), laravel_at_first.database.name
    kinds = await made(laravel_at_first)
    for number, kind in enumerate(kinds):
        texts = (json.dumps(statement).replace("$", r"\$") for statement in kinds[kind].change)
        await stage.push(f"of{number:02}_{kind}", " ".join(f"DB::unprepared({text});" for text in texts), "")
    before = {kind: await rows_of(mariadb, name, kind) for kind in kinds}
    were = await identities(mariadb, name)
    outcome = await stage.in_sandbox()
    await pull(laravel_at_first)
    await laravel_at_first.run("php", "artisan", "migrate", "--force")
    are = await identities(mariadb, name)

    risks = {re.sub(r".*_of\d\d_", "", found.name): found.risk for found in those(outcome, MigrationFinding)}
    assert {kind: risk for kind, risk in risks.items() if kinds[kind].risk is not None} == {
        kind: each.risk for kind, each in kinds.items() if each.risk is not None
    }
    assert {risk for kind, risk in risks.items() if kinds[kind].risk is None} <= {DESTROYS, UNKNOWN}

    said = {found.table: (found.deleted, found.changed, found.inserted) for found in those(outcome, RowsChanged)}
    real = {}
    for kind in kinds:
        was, now = before[kind], await rows_of(mariadb, name, kind)
        if was is not None and now is not None and any(change := became(was, now)):
            real[kind] = change
    assert {table: figures for table, figures in said.items() if figures != (None, None, None)} == real

    for found in those(outcome, StatementFinding):
        if found.online in {Online.INSTANT, Online.NOCOPY}:
            assert are[found.table] == were[found.table], f"{found.sql}: said {found.online}, and it was copied"
        elif found.online is Online.COPY:
            assert are.get(found.table) != were[found.table], f"{found.sql}: said {found.online}, and it was not copied"

    async with connections.reading(stage.target) as session:
        (digest,) = those(outcome, SchemaDigest)
        live = schema_digests(await live_schema(session))
    assert digest.by_table == {place: found for place, found in live.items() if place in digest.by_table}
    assert live.keys() == digest.by_table.keys()
