"""What the tests' databases hold, what is compared of it afterwards, and what lies beside them."""

import contextlib
from collections.abc import AsyncIterator

import aiomysql

from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.targets.target import Target

CONTENTS = (
    "SET SESSION sql_mode = ''",
    "CREATE TABLE people (id INT PRIMARY KEY, name VARCHAR(100) CHARACTER SET utf8mb4, picture BLOB, born DATETIME,"
    " age INT GENERATED ALWAYS AS (id * 2) STORED) ENGINE=InnoDB",
    "INSERT INTO people (id, name, picture, born) VALUES (1, '🎉 Amélie ''quoted'' \\\\ back', 0x00FF0A0D1A5C27,"
    " '2025-03-30 02:30:00'), (2, NULL, NULL, NULL), (3, '', '', '0000-00-00')",
    "CREATE TABLE `od``d \"na'me` (a INT)",
    "INSERT INTO `od``d \"na'me` VALUES (1), (2)",
    "CREATE TABLE `-- minus` (a INT)",
    "CREATE TABLE `new\nline\ttab\\` (a INT)",
    "CREATE TABLE sessions (id INT PRIMARY KEY, person INT, FOREIGN KEY (person) REFERENCES people (id))",
    "INSERT INTO sessions VALUES (1, 1)",
    "CREATE VIEW adults AS SELECT id, name FROM people WHERE age > 2",
    "CREATE VIEW adult_names AS SELECT name FROM adults",
    "CREATE TRIGGER grow BEFORE INSERT ON sessions FOR EACH ROW SET NEW.person = COALESCE(NEW.person, 1)",
    "CREATE PROCEDURE `count``them` () BEGIN SELECT 'CREATE TABLE `x`\n-- Dump completed'; END",
    "CREATE FUNCTION double_it(a INT) RETURNS INT DETERMINISTIC RETURN a * 2",
    "CREATE EVENT tidy ON SCHEDULE EVERY 1 DAY DO DELETE FROM sessions WHERE id < 0",
)
"""Statements that make one of everything that a dump can hold, with the oddest names and values."""


@contextlib.asynccontextmanager
async def session_of(made: DemoDatabase) -> AsyncIterator[aiomysql.Cursor]:
    """A session of the application's own account: a cursor, each statement of which is committed at once."""
    connection = await aiomysql.connect(
        host=made.host, port=made.port, user=made.user, password=made.password, db=made.name, charset="utf8mb4",
        autocommit=True,
    )  # fmt: skip
    try:
        yield await connection.cursor()
    finally:
        connection.close()


async def execute(made: DemoDatabase, *statements: str) -> None:
    """Run statements one after another, as the application's own account."""
    async with session_of(made) as cursor:
        for statement in statements:
            await cursor.execute(statement)


async def checksums(mariadb: DatabaseServer, name: str) -> dict[str, int]:
    """The server's checksum of each table of a database."""
    tables = await mariadb.query(
        "SELECT table_name AS t FROM information_schema.tables WHERE table_schema = %s AND table_type = 'BASE TABLE'",
        name,
    )
    found = {}
    for row in tables:
        quoted = "`" + row["t"].replace("`", "``") + "`"
        found[row["t"]] = (await mariadb.query(f"CHECKSUM TABLE {quoted}", database=name))[0]["Checksum"]
    return found


async def definitions(mariadb: DatabaseServer, name: str) -> list[tuple[str, ...]]:
    """All that a database holds beside rows, by kind and name, with its own name left out."""
    queries = (
        "SELECT 'view' AS kind, table_name AS name, view_definition AS body FROM information_schema.views"
        " WHERE table_schema = %s",
        "SELECT 'trigger' AS kind, trigger_name AS name, action_statement AS body FROM information_schema.triggers"
        " WHERE trigger_schema = %s",
        "SELECT routine_type AS kind, routine_name AS name, routine_definition AS body FROM information_schema.routines"
        " WHERE routine_schema = %s",
        "SELECT 'event' AS kind, event_name AS name, event_definition AS body FROM information_schema.events"
        " WHERE event_schema = %s",
        "SELECT table_name AS kind, column_name AS name, column_type AS body FROM information_schema.columns"
        " WHERE table_schema = %s",
    )
    found = []
    for query in queries:
        rows = await mariadb.query(query, name)
        found += [(row["kind"], row["name"], row["body"].replace(f"`{name}`", "`here`")) for row in rows]
    return sorted(found)


async def databases_beside(mariadb: DatabaseServer, target: Target) -> list[str]:
    """Databases that were made beside a target's own and are still there."""
    assert target.database is not None
    rows = await mariadb.query("SELECT schema_name AS s FROM information_schema.schemata")
    return [row["s"] for row in rows if row["s"].startswith(f"{target.database.name}_countersign_")]


async def owned_by_another(mariadb: DatabaseServer, database: DemoDatabase, column: str) -> str:
    """Make a view and a trigger on `people` that somebody else owns; give who, as SQL.

    Args:
        mariadb: the server.
        database: in which.
        column: that the trigger sets.
    """
    owner = f"`{database.name}_owner`@`%`"
    await mariadb.query(f"CREATE USER {owner}")
    await mariadb.query(f"GRANT ALL ON `{database.name}`.* TO {owner}")
    await mariadb.query(f"CREATE DEFINER={owner} VIEW orphan AS SELECT 1 AS one", database=database.name)
    await mariadb.query(
        f"CREATE DEFINER={owner} TRIGGER lonely BEFORE UPDATE ON people FOR EACH ROW SET NEW.{column} = NULL",
        database=database.name,
    )
    return owner
