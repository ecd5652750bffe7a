"""Sessions with a database: read-only ones, and ones in a scratch database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from bot.databases.server.connection import Connection, QueryLimits, QueryResult, Row, Statement
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

    @property
    def series(self) -> tuple[int, int]:
        """The first two numbers of the server's version; that of MariaDB may stand behind what replication wanted."""
        found = re.match(r"(?:5\.5\.5-)?(\d+)\.(\d+)", self.version)
        return (int(found[1]), int(found[2])) if found is not None else (0, 0)


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
        self._ahead: dict[Statement, QueryResult | ServerError] = {}

    async def ahead(self, *statements: Statement) -> ReadOnlySession:
        """Ask together what is about to be asked one by one.

        Args:
            *statements: those that are likely to be refused last, because each refusal takes another question.

        Returns:
            This session, which gives the next call with each statement the answer that is there already.

        Raises:
            ServerError: the connection was lost, or the time is over.
        """
        session = ReadOnlySession(self.version, self._connection, self.processlist)
        session._ahead = dict(self._ahead)
        left = list(statements)
        while left:
            answers = await self._connection.ask_together(left)
            if len(left) > 1 and isinstance(answers[0], ServerError):
                # Perhaps what lies between takes one statement at a time.
                answers = await self._connection.ask_together(left[:1])
                if not isinstance(answers[0], ServerError):
                    left = left[:1]
            session._ahead |= dict(zip(left, answers, strict=False))
            del left[: len(answers)]
        return session

    async def _ask(self, sql: str, *values: object) -> QueryResult:
        answer = self._ahead.pop((sql, values), None)
        if isinstance(answer, ServerError):
            raise answer
        return answer or await self._connection.ask(sql, *values)

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
        return (await self._ask(sql, *values)).rows

    async def records(self, sql: str) -> tuple[Mapping[str, Any], ...]:
        """Run one statement whose columns differ between versions; otherwise as `rows`.

        Args:
            sql: as it stands; `%` is itself.

        Returns:
            All rows, as values by the names of their columns.

        Raises:
            ServerError: as `rows`.
        """
        answer = await self._ask(sql)
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
    ((version, has_processlist),) = (await connection.ask(_WHAT_SERVER)).rows
    session = ReadOnlySession(str(version), connection)
    if session.flavour is Flavour.MYSQL and has_processlist:
        session.processlist = "performance_schema.processlist"
    settings = [
        f"lock_wait_timeout = {limits.lock}",
        f"innodb_lock_wait_timeout = {limits.lock}",
        # InnoDB reports the start of transactions in the server's own time zone
        "time_zone = 'SYSTEM'",
        *_settings_of(session, limits.query),
    ]
    try:
        await session.rows("SET " + ", ".join(f"SESSION {setting}" for setting in settings))
    except ServerError as error:
        if error.number != UNKNOWN_VARIABLE:
            raise
        await _set_what_is_known(session, settings)
    return session


async def _set_what_is_known(session: ReadOnlySession, settings: Iterable[str]) -> None:
    """Set one by one, without what an older server does not know; the bot's own time limit still holds."""
    for setting in settings:
        try:
            await session.rows(f"SET SESSION {setting}")
        except ServerError as error:
            if error.number != UNKNOWN_VARIABLE:
                raise
    await session.rows("SET SESSION TRANSACTION READ ONLY")


_WHAT_SERVER = """
    SELECT VERSION(), EXISTS (
        SELECT 1 FROM information_schema.tables
        WHERE table_schema = 'performance_schema' AND table_name = 'processlist' AND @@performance_schema = 1
    )
"""
"""The version, and whether `performance_schema` lists the sessions: from MySQL 8.0.22 on, where it is on. The list in
`information_schema` is deprecated, and reading it holds up the server (MySQL Reference Manual, "The INFORMATION_SCHEMA
PROCESSLIST Table")."""


_TX_READ_ONLY_IS_DEPRECATED = (11, 1)
"""The series of MariaDB from which the older name costs a warning, and a round trip to read it."""


def _settings_of(session: ReadOnlySession, seconds: float) -> tuple[str, ...]:
    """Return the settings whose names differ, the last of which forbids to write."""
    match session.flavour:
        case Flavour.MARIADB:
            read_only = "tx_read_only" if session.series < _TX_READ_ONLY_IS_DEPRECATED else "transaction_read_only"
            return (f"max_statement_time = {seconds:.3f}", f"{read_only} = 1")
        case Flavour.MYSQL:
            # statistics of tables may be a day old (MySQL Reference Manual, "Optimizing INFORMATION_SCHEMA")
            cached = "information_schema_stats_expiry = 0"
            return (cached, f"max_execution_time = {seconds * 1000:.0f}", "transaction_read_only = 1")
