"""Facts about a target's database: its migrations, sessions that could block a migration, its size."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from bot.databases.server.connection import Row, Statement
from bot.databases.server.connector import Connector
from bot.databases.server.errors import NEEDS_PRIVILEGE, NO_SUCH_COLUMN, NO_SUCH_TABLE, ServerError
from bot.databases.server.privileges import missing_privileges
from bot.databases.server.quoting import identifier
from bot.databases.server.replication import replica_statements, replication_of, replication_statements
from bot.databases.server.schema import canonical
from bot.databases.server.session import ReadOnlySession
from bot.databases.server.tables import live_schema
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.targets.look import AppliedMigration, DatabaseFacts, RowCount, Session
from bot.domain.targets.privileges import MissingPrivilege
from bot.domain.targets.table_names import TableNames
from bot.domain.targets.target import Target

LONG_TRANSACTION = 5
"""Seconds after which an open transaction is reported."""

_LONGEST_QUERY = 200

_MAY_SEE_ALL = "SELECT 1 FROM information_schema.innodb_trx LIMIT 1"
"""Refused without the privilege PROCESS. Asked alone: MySQL answers a join that needs no row of this table."""

_SESSIONS = """
    SELECT p.id, p.user, COALESCE(TIMESTAMPDIFF(SECOND, t.trx_started, NOW()), p.time, 0),
        LEFT(COALESCE(p.info, ''), %s), COALESCE(p.state LIKE 'Waiting for %% metadata lock', 0), COALESCE(p.time, 0)
    FROM {processlist} p
    LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id
    WHERE p.id <> CONNECTION_ID() AND (p.db = DATABASE() OR p.db IS NULL)
        AND (p.state LIKE 'Waiting for %% metadata lock' OR t.trx_started < NOW() - INTERVAL %s SECOND)
    ORDER BY p.id
"""
"""Sessions in this database or in none."""

_OWN_SESSIONS = """
    SELECT p.id, p.user, COALESCE(p.time, 0),
        LEFT(COALESCE(p.info, ''), %s), COALESCE(p.state LIKE 'Waiting for %% metadata lock', 0), COALESCE(p.time, 0)
    FROM {processlist} p
    WHERE p.id <> CONNECTION_ID() AND (p.db = DATABASE() OR p.db IS NULL)
        AND (p.state LIKE 'Waiting for %% metadata lock' OR (p.command <> 'Sleep' AND p.time > %s))
    ORDER BY p.id
"""
"""The same without InnoDB's list of transactions."""

_TABLES = "SELECT table_name, @@lower_case_table_names FROM information_schema.tables WHERE table_schema = DATABASE()"

_SIZE = """
    SELECT COALESCE(SUM(COALESCE(data_length, 0) + COALESCE(index_length, 0)), 0),
        COALESCE(MAX(COALESCE(data_length, 0) + COALESCE(index_length, 0)), 0), @@datadir,
        MAX(IF(table_name = %s, UNIX_TIMESTAMP(update_time), NULL)),
        DATABASE(), CONCAT(@@hostname, ':', @@port, ' ', @@datadir)
    FROM information_schema.tables WHERE table_schema = DATABASE()
"""
"""The sizes, and the last write to one table, which InnoDB forgets when the server is restarted."""


class DatabaseLook:
    """Reads databases, in sessions that cannot write.

    Args:
        connections: opens the sessions.
    """

    def __init__(self, connections: Connector) -> None:
        self._connections = connections

    async def database(self, target: Target, table: str | None) -> DatabaseFacts:
        """Read one database.

        Without the privilege PROCESS the server shows a user only their own sessions, and of them what they
        run but not whether a transaction is open (`sees_all_sessions` is then false).

        Args:
            target: whose database.
            table: the name of the migrations table, as it is; None reads none.

        Returns:
            What is there now.

        Raises:
            RefusedError: `database_unreachable`, `database_login_refused`, `database_missing`, `blocked_by_sessions`,
                or a host's reason.
        """
        return await self._connections.read(target, partial(_facts, table=table))

    async def applied(self, target: Target, table: str) -> tuple[AppliedMigration, ...]:
        """Read the rows of the migrations table alone, in order; none where there is no such table.

        Args:
            target: whose database.
            table: its name, as it is.

        Raises:
            RefusedError: as `database`.
        """
        _, ran = await self._connections.read(target, partial(_migrations, table=table))
        return ran

    async def rows(self, target: Target, table: str, column: str | None) -> int:
        """Count the rows of a table, or those of them that have a value in a column.

        Args:
            target: whose database.
            table: its name, as it is.
            column: its name, as it is; None counts every row.

        Returns:
            How many; 0 where there is no such table or column.

        Raises:
            RefusedError: as `database`.
        """
        try:
            counted = "*" if column is None else identifier(column)
            statement = f"SELECT COUNT({counted}) FROM {identifier(table)}"  # noqa: S608 - quoted as identifiers
        except ValueError:
            return 0
        async with self._connections.reading(target) as session:
            try:
                return int((await session.rows(statement))[0][0])
            except ServerError as error:
                if error.number in NO_SUCH_TABLE or error.number == NO_SUCH_COLUMN:
                    return 0
                raise

    async def missing_privileges(self, target: Target) -> tuple[MissingPrivilege, ...]:
        """Read which privileges the target's account lacks, by what they are needed for.

        Args:
            target: whose database.

        Raises:
            RefusedError: as `database`.
        """
        async with self._connections.reading(target) as session:
            return () if target.database is None else await missing_privileges(session, target.database)

    async def held(self, target: Target, table: str, column: str) -> RowCount | None:
        """Count the rows of a table, and those of them that have a value in a column.

        Args:
            target: whose database.
            table: its name, as it is.
            column: its name, as it is; empty to count the rows alone.

        Returns:
            None where there is no such table or column.

        Raises:
            RefusedError: as `database`.
        """
        try:
            counted = identifier(column) if column else "*"
            statement = f"SELECT COUNT(*), COUNT({counted}) FROM {identifier(table)}"  # noqa: S608 - quoted as identifiers
        except ValueError:
            return None
        async with self._connections.reading(target) as session:
            try:
                ((rows, values),) = await session.rows(statement)
            except ServerError as error:
                if error.number in NO_SUCH_TABLE or error.number == NO_SUCH_COLUMN:
                    return None
                raise
        return RowCount(int(rows), int(values))

    async def tables(self, target: Target) -> TableNames:
        """Read the names of the tables and views of one database.

        Args:
            target: whose database.

        Raises:
            RefusedError: as `database`.
        """
        async with self._connections.reading(target) as session:
            found = await session.rows(_TABLES)
            return TableNames(frozenset(str(name) for name, _ in found), any(int(mode) != 0 for _, mode in found))

    async def schema(self, target: Target) -> frozenset[str]:
        """Read the columns and indexes of one database.

        Args:
            target: whose database.

        Returns:
            Canonical lines, as `bot.databases.migrations.evidence` puts them into a plan.

        Raises:
            RefusedError: as `database`.
        """
        return frozenset(canonical(await self._connections.read(target, live_schema)).splitlines())

    def prepare(self, target: Target) -> None:
        """Open a session in the background, for a look that is about to be taken."""
        self._connections.prepare(target)


async def _facts(session: ReadOnlySession, table: str | None) -> DatabaseFacts:
    asked = await session.ahead(
        *((sql, ()) for sql in _migrations_statements(table)[:1]),
        (_SIZE, (table,)),
        *replication_statements(session),
        (_MAY_SEE_ALL, ()),
    )
    sees_all = await _sees_all(asked)
    statements = (_sessions_statement(session, LONG_TRANSACTION, sees_all=sees_all),)
    asked = await asked.ahead(*statements, *(replica_statements(session) if sees_all else ()))
    has_table, ran = await _migrations(asked, table)
    sessions = await _sessions(asked, *statements)
    sizes = await asked.rows(_SIZE, table if has_table else None)
    ((size, largest, directory, changed, name, server),) = sizes
    return DatabaseFacts(
        version=session.version,
        has_table=has_table,
        ran=ran,
        sessions=sessions,
        size_bytes=int(size),
        sees_all_sessions=sees_all,
        largest_bytes=int(largest),
        directory=str(directory),
        name=str(name),
        server=str(server),
        changed_at=None if changed is None else datetime.fromtimestamp(float(changed), UTC),
        replication=await replication_of(asked, sees_all_sessions=sees_all),
    )


async def _migrations(session: ReadOnlySession, table: str | None) -> tuple[bool, tuple[AppliedMigration, ...]]:
    if table is None:
        return False, ()
    for sql in _migrations_statements(table):
        try:
            rows = await session.rows(sql)
        except ServerError as error:
            if error.number in NO_SUCH_TABLE:
                return False, ()
            if error.number != NO_SUCH_COLUMN:
                raise
        else:
            return True, tuple(_ran(row) for row in rows)
    if not _migrations_statements(table):
        return False, ()
    raise RefusedError(problem(Reason.INTERNAL, table=table, detail="this table has no columns migration and batch"))


def _migrations_statements(table: str | None) -> tuple[str, ...]:
    """Return the statements that read the migrations table, the usual one first; none if no table has such a name."""
    try:
        quoted = identifier(table or "")
    except ValueError:
        return ()
    # Laravel before 5.4 kept no id
    orders = ("id", "batch, migration")
    return tuple(f"SELECT migration, batch FROM {quoted} ORDER BY {order}" for order in orders)  # noqa: S608 - quoted


def _ran(row: Row) -> AppliedMigration:
    name, batch = row
    return AppliedMigration(str(name), None if batch is None else int(batch))


async def sessions_open_for(session: ReadOnlySession, seconds: int) -> tuple[bool, tuple[Session, ...]]:
    """Read the sessions that could block a migration: long transactions, and waits for metadata locks.

    Args:
        session: with the database.
        seconds: after which an open transaction is reported.

    Returns:
        Whether all sessions could be seen, and those of this database.

    Raises:
        ServerError: they cannot be read.
    """
    sees_all = await _sees_all(session)
    return sees_all, await _sessions(session, _sessions_statement(session, seconds, sees_all=sees_all))


def _sessions_statement(session: ReadOnlySession, seconds: int, *, sees_all: bool) -> Statement:
    sql = (_SESSIONS if sees_all else _OWN_SESSIONS).replace("{processlist}", session.processlist)
    return sql, (_LONGEST_QUERY, seconds)


async def _sessions(session: ReadOnlySession, statement: Statement) -> tuple[Session, ...]:
    sql, values = statement
    return tuple(_found(row) for row in await session.rows(sql, *values))


async def _sees_all(session: ReadOnlySession) -> bool:
    try:
        await session.rows(_MAY_SEE_ALL)
    except ServerError as error:
        if error.number != NEEDS_PRIVILEGE:
            raise
        return False
    return True


def _found(row: Row) -> Session:
    number, user, open_for, query, waits, in_state_for = row
    seconds = in_state_for if waits else open_for
    return Session(int(number), str(user), max(0, int(seconds)), " ".join(str(query).split()), bool(waits))
