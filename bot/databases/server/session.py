"""Sessions with a database: read-only ones, and ones in a scratch database."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from bot.databases.server.connection import Connection, QueryLimits, Row
from bot.databases.server.errors import UNKNOWN_VARIABLE, ServerError


class Flavour(StrEnum):
    """The server's vendor; some variables differ in name and unit."""

    MARIADB = "mariadb"
    MYSQL = "mysql"


class _Session:
    def __init__(self, version: str, connection: Connection) -> None:
        self.version = version
        self._connection = connection

    @property
    def flavour(self) -> Flavour:
        """The server's vendor."""
        return Flavour.MARIADB if "mariadb" in self.version.lower() else Flavour.MYSQL


class ReadOnlySession(_Session):
    """A session that the server itself keeps from writing.

    Args:
        version: what the server calls itself.
        connection: to the server, restrained.
        processlist: the table in which the server lists its sessions.
    """

    def __init__(
        self, version: str, connection: Connection, processlist: str = "information_schema.processlist"
    ) -> None:
        super().__init__(version, connection)
        self.processlist = processlist

    async def rows(self, sql: str, *values: object) -> tuple[Row, ...]:
        """Run one statement. When it is cancelled or takes too long, it is ended at the server too.

        Args:
            sql: with `%s` for each value; without values, `%` is itself.
            *values: escaped by the client library.

        Returns:
            All rows.

        Raises:
            ServerError: the server refused it, the connection was lost, or the time is over.
        """
        return (await self._connection.ask(sql, *values)).rows

    async def records(self, sql: str) -> tuple[Mapping[str, Any], ...]:
        """Run one statement whose columns differ between versions; otherwise as `rows`.

        Args:
            sql: as it stands; `%` is itself.

        Returns:
            All rows, as values by the names of their columns.

        Raises:
            ServerError: as `rows`.
        """
        answer = await self._connection.ask(sql)
        return tuple(dict(zip(answer.columns, row, strict=True)) for row in answer.rows)


class ThrowawaySession(_Session):
    """A session in a database that was made for it and is dropped when it ends.

    Args:
        version: what the server calls itself.
        connection: to the server, in that database.
    """

    async def run(self, sql: str) -> None:
        """Run one statement, for its effect alone. It must name no other database.

        Args:
            sql: as it stands; `%` is itself.

        Raises:
            ServerError: the server refused it, the connection was lost, or the time is over.
        """
        await self._connection.ask(sql)


async def version_of(connection: Connection) -> str:
    """Read a server's version.

    Args:
        connection: to it.

    Raises:
        ServerError: it did not say.
    """
    return str((await connection.ask("SELECT VERSION()")).rows[0][0])


async def read_only(connection: Connection, limits: QueryLimits) -> ReadOnlySession:
    """Restrict a connection to reading, short lock waits and short statements.

    Args:
        connection: newly opened.
        limits: in seconds.

    Raises:
        ServerError: the server refused it.
    """
    session = ReadOnlySession(await version_of(connection), connection)
    if session.flavour is Flavour.MYSQL and await session.rows(_HAS_PROCESSLIST):
        session.processlist = "performance_schema.processlist"
    # SYSTEM, because InnoDB reports the start of transactions in the server's own time zone
    settings = [
        f"SET SESSION lock_wait_timeout = {limits.lock}",
        f"SET SESSION innodb_lock_wait_timeout = {limits.lock}",
        "SET SESSION time_zone = 'SYSTEM'",
        # MySQL 8 caches statistics of tables for up to a day (MySQL Reference Manual, "Optimizing INFORMATION_SCHEMA")
        "SET SESSION information_schema_stats_expiry = 0",
        _statement_limit(session.flavour, limits.query),
    ]
    for setting in settings:
        try:
            await session.rows(setting)
        except ServerError as error:
            if error.number != UNKNOWN_VARIABLE:  # an older server; the bot's own time limit still holds
                raise
    await session.rows("SET SESSION TRANSACTION READ ONLY")
    return session


_HAS_PROCESSLIST = """
    SELECT 1 FROM information_schema.tables
    WHERE table_schema = 'performance_schema' AND table_name = 'processlist' AND @@performance_schema = 1
"""
"""From MySQL 8.0.22 on, where it is on: the list in `information_schema` is deprecated, and reading it holds up the
server (MySQL Reference Manual, "The INFORMATION_SCHEMA PROCESSLIST Table")."""


def _statement_limit(flavour: Flavour, seconds: float) -> str:
    match flavour:
        case Flavour.MARIADB:
            return f"SET SESSION max_statement_time = {seconds:.3f}"
        case Flavour.MYSQL:
            return f"SET SESSION max_execution_time = {seconds * 1000:.0f}"
