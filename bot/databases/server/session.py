"""What may be done in a session with a database: read, or anything in a database that was made for it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from bot.databases.server.connection import Connection, Limits, Row
from bot.databases.server.errors import UNKNOWN_VARIABLE, ServerError


class Flavour(StrEnum):
    """Whose server it is; some variables have different names and units."""

    MARIADB = "mariadb"
    MYSQL = "mysql"


class _Session:
    def __init__(self, version: str, line: Connection) -> None:
        self.version = version
        self._line = line

    @property
    def flavour(self) -> Flavour:
        """Whose server it is."""
        return Flavour.MARIADB if "mariadb" in self.version.lower() else Flavour.MYSQL


class ReadOnlySession(_Session):
    """A session that the server itself keeps from writing.

    Args:
        version: what the server calls itself.
        line: to the server, restrained.
    """

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
        return (await self._line.ask(sql, *values)).rows

    async def records(self, sql: str) -> tuple[Mapping[str, Any], ...]:
        """Run one statement whose columns differ between versions; otherwise as `rows`.

        Args:
            sql: as it stands; `%` is itself.

        Returns:
            All rows, as values by the names of their columns.

        Raises:
            ServerError: as `rows`.
        """
        answer = await self._line.ask(sql)
        return tuple(dict(zip(answer.columns, row, strict=True)) for row in answer.rows)


class ThrowawaySession(_Session):
    """A session in a database that was made for it and is dropped when it ends.

    Args:
        version: what the server calls itself.
        line: to the server, in that database.
    """

    async def run(self, sql: str) -> None:
        """Run one statement, for its effect alone. It must name no other database.

        Args:
            sql: as it stands; `%` is itself.

        Raises:
            ServerError: the server refused it, the connection was lost, or the time is over.
        """
        await self._line.ask(sql)


async def version_of(line: Connection) -> str:
    """Ask a server what it calls itself.

    Args:
        line: to it.

    Raises:
        ServerError: it did not say.
    """
    return str((await line.ask("SELECT VERSION()")).rows[0][0])


async def read_only(line: Connection, limits: Limits) -> ReadOnlySession:
    """Make a line one that reads, waits for no lock of production, and ends its statements in time.

    Args:
        line: newly opened.
        limits: in seconds.

    Raises:
        ServerError: the server refused it.
    """
    session = ReadOnlySession(await version_of(line), line)
    # SYSTEM, because InnoDB tells when a transaction began in the server's own time zone
    settings = [
        f"SET SESSION lock_wait_timeout = {limits.lock}",
        f"SET SESSION innodb_lock_wait_timeout = {limits.lock}",
        "SET SESSION time_zone = 'SYSTEM'",
        # MySQL 8 tells of tables as they were up to a day ago (MySQL Reference Manual, "Optimizing INFORMATION_SCHEMA")
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


def _statement_limit(flavour: Flavour, seconds: float) -> str:
    match flavour:
        case Flavour.MARIADB:
            return f"SET SESSION max_statement_time = {seconds:.3f}"
        case Flavour.MYSQL:
            return f"SET SESSION max_execution_time = {seconds * 1000:.0f}"
