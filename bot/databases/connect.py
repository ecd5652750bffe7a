"""Read-only sessions with a target's database, directly or through a host, with a time limit on everything."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

import aiomysql

from bot.databases.ports import Tunnels
from bot.databases.quoting import identifier
from bot.databases.server_errors import UNKNOWN_VARIABLE, ServerError, problem_of
from bot.domain.errors import Reason, Refused, problem
from bot.domain.target import Database, Target

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Limits:
    """How long a session waits, in seconds.

    Args:
        connect: for the connection and the login together.
        query: for one statement. The server is told the same, so that a statement ends even if the bot is gone.
        lock: for a lock, so that a look never stands in a queue of locks that production waits in.
        kill: for ending a statement whose answer nobody waits for any more.
    """

    connect: float = 10.0
    query: float = 20.0
    lock: int = 2
    kill: float = 5.0


USUAL_LIMITS = Limits()


class Flavour(StrEnum):
    """Whose server it is; some variables have different names and units."""

    MARIADB = "mariadb"
    MYSQL = "mysql"


class ReadOnlySession:
    """A session that the server itself keeps from writing.

    Args:
        version: what the server calls itself.
        connection: an aiomysql connection, already logged in.
        killer: ends the statement of a connection by its number.
        limits: in seconds.
    """

    def __init__(self, version: str, connection: Any, killer: _Killer, limits: Limits) -> None:
        self.version = version
        self._connection = connection
        self._killer = killer
        self._limits = limits

    @property
    def flavour(self) -> Flavour:
        """Whose server it is."""
        return _flavour(self.version)

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
        return await _ask(self._connection, self._killer, self._limits.query, sql, values)

    async def records(self, sql: str) -> tuple[Mapping[str, Any], ...]:
        """Run one statement whose columns differ between versions; otherwise as `rows`.

        Args:
            sql: as it stands; `%` is itself.

        Returns:
            All rows, as values by the names of their columns.

        Raises:
            ServerError: as `rows`.
        """
        answer = await _answer(self._connection, self._killer, self._limits.query, sql, ())
        return tuple(dict(zip(answer.columns, row, strict=True)) for row in answer.rows)


class ThrowawaySession:
    """A session in a database that was made for it and is dropped when it ends.

    Args:
        version: what the server calls itself.
        connection: an aiomysql connection, already logged in.
        killer: ends the statement of a connection by its number.
        limits: in seconds.
    """

    def __init__(self, version: str, connection: Any, killer: _Killer, limits: Limits) -> None:
        self.version = version
        self._connection = connection
        self._killer = killer
        self._limits = limits

    @property
    def flavour(self) -> Flavour:
        """Whose server it is."""
        return _flavour(self.version)

    async def run(self, sql: str) -> None:
        """Run one statement, for its effect alone. It must name no other database.

        Args:
            sql: as it stands; `%` is itself.

        Raises:
            ServerError: the server refused it, the connection was lost, or the time is over.
        """
        await _ask(self._connection, self._killer, self._limits.query, sql, ())


class Connections:
    """Opens sessions with the databases of targets.

    Args:
        tunnels: ways through hosts.
        limits: in seconds.
    """

    def __init__(self, tunnels: Tunnels, limits: Limits = USUAL_LIMITS) -> None:
        self._tunnels = tunnels
        self._limits = limits

    @contextlib.asynccontextmanager
    async def reading(self, target: Target) -> AsyncIterator[ReadOnlySession]:
        """Open a read-only session; closed at the end of the context.

        Args:
            target: whose database.

        Yields:
            The session.

        Raises:
            Refused: `database_unreachable`, `database_login_refused`, `database_missing`, `blocked_by_sessions`, or
                a host's reason; also for a `ServerError` that leaves the context.
        """
        database = target.database
        if database is None:
            raise Refused(
                problem(Reason.DATABASE_MISSING, app=target.name.app, environment=target.name.environment, database="")
            )
        async with self._way(database) as (host, port):
            try:
                async with self._session(database, host, port) as session:
                    yield session
            except ServerError as error:
                raise Refused(problem_of(error, database)) from error

    @contextlib.asynccontextmanager
    async def throwaway(self, target: Target, name: str) -> AsyncIterator[ThrowawaySession]:
        """Make a database, open a session in it, and drop it at the end of the context.

        Args:
            target: on whose server, and as whom.
            name: of the database; one of that name is dropped first.

        Yields:
            The session.

        Raises:
            ValueError: the target allows no such database (`scratch`), or not under this name.
            Refused: a reason of the database or of a host; also for a `ServerError` that leaves the context.
        """
        database = _allowing(target, name)
        async with self._way(database) as (host, port):
            login = _Login(database, host, port, self._limits)
            killer = _Killer(login)
            async with contextlib.AsyncExitStack() as stack:
                try:
                    maker = await login.connect(database.name)
                    stack.push_async_callback(_close, maker)
                    stack.push_async_callback(killer.finished)
                    make = partial(_ask, maker, killer, self._limits.query)
                    # without notes that something to be dropped was not there
                    await make("SET SESSION sql_notes = 0", ())
                    version = str((await make("SELECT VERSION()", ()))[0][0])
                    await make(f"DROP DATABASE IF EXISTS {identifier(name)}", ())
                    await make(f"CREATE DATABASE {identifier(name)}", ())
                    stack.push_async_callback(_drop, make, name)
                    connection = await login.connect(name)
                    stack.push_async_callback(_close, connection)
                    session = ThrowawaySession(version, connection, killer, self._limits)
                    await session.run("SET SESSION sql_notes = 0")
                    await session.run(f"SET SESSION lock_wait_timeout = {self._limits.lock}")
                    yield session
                except ServerError as error:
                    raise Refused(problem_of(error, database)) from error

    async def drop_scratch(self, target: Target, name: str) -> None:
        """Drop a database that was made as `throwaway` makes them, by somebody who is gone.

        Args:
            target: on whose server, and as whom.
            name: of the database; it may be gone.

        Raises:
            ValueError: the target allows no such database (`scratch`), or not under this name.
            Refused: a reason of the database or of a host.
        """
        database = _allowing(target, name)
        async with self._way(database) as (host, port):
            login = _Login(database, host, port, self._limits)
            killer = _Killer(login)
            try:
                connection = await login.connect(database.name)
                try:
                    await _ask(connection, killer, self._limits.query, "SET SESSION sql_notes = 0", ())
                    limit = f"SET SESSION lock_wait_timeout = {self._limits.lock}"
                    await _ask(connection, killer, self._limits.query, limit, ())
                    drop = f"DROP DATABASE IF EXISTS {identifier(name)}"
                    await _ask(connection, killer, self._limits.query, drop, ())
                finally:
                    await killer.finished()
                    await _close(connection)
            except ServerError as error:
                raise Refused(problem_of(error, database)) from error

    async def end_statement(self, target: Target, session: int, query: int | None) -> None:
        """End one statement of another session of the target's own user; that session stays.

        Args:
            target: on whose server, and as whom.
            session: the server's number of the session.
            query: the server's number of the statement, so that none that follows it is ended; None where the server
                gives none (MySQL).

        Raises:
            Refused: it ended meanwhile, it is another user's, or a reason of the database or of a host.
        """
        database = target.database
        if database is None:
            raise ValueError(f"{target.name} has no database")
        async with self._way(database) as (host, port):
            try:
                async with asyncio.timeout(self._limits.kill):
                    connection = await _Login(database, host, port, self._limits).connect(None)
                    try:
                        cursor = await connection.cursor()
                        await cursor.execute(f"KILL QUERY {session:d}" if query is None else f"KILL QUERY ID {query:d}")
                    finally:
                        connection.close()
            except TimeoutError as error:
                late = ServerError(0, f"no answer within {self._limits.kill:g} s")
                raise Refused(problem_of(late, database)) from error
            except aiomysql.Error as error:
                raise Refused(problem_of(_server_error(error), database)) from error
            except ServerError as error:
                raise Refused(problem_of(error, database)) from error

    def _way(self, database: Database) -> contextlib.AbstractAsyncContextManager[tuple[str, int]]:
        if database.via is None:
            return contextlib.nullcontext((database.host, database.port))
        return self._tunnels.open(database.via, database.host, database.port)

    @contextlib.asynccontextmanager
    async def _session(self, database: Database, host: str, port: int) -> AsyncIterator[ReadOnlySession]:
        login = _Login(database, host, port, self._limits)
        connection = await login.connect(database.name)
        killer = _Killer(login)
        try:
            version = str((await _ask(connection, killer, self._limits.query, "SELECT VERSION()", ()))[0][0])
            session = ReadOnlySession(version, connection, killer, self._limits)
            await _restrain(session, self._limits)
            yield session
        finally:
            await killer.finished()
            await _close(connection)


def _allowing(target: Target, name: str) -> Database:
    database = target.database
    if database is None or not database.scratch or not name.startswith(f"{database.name}_countersign_"):
        raise ValueError(f"{target.name} allows no database {name!r} to be made and dropped")
    return database


def _flavour(version: str) -> Flavour:
    return Flavour.MARIADB if "mariadb" in version.lower() else Flavour.MYSQL


async def _drop(make: Callable[[str, Row], Awaitable[object]], name: str) -> None:
    # what cannot be dropped now is dropped by the next rehearsal
    with contextlib.suppress(ServerError):
        await make(f"DROP DATABASE IF EXISTS {identifier(name)}", ())


async def _restrain(session: ReadOnlySession, limits: Limits) -> None:
    # SYSTEM, because InnoDB tells when a transaction began in the server's own time zone
    settings = [
        f"SET SESSION lock_wait_timeout = {limits.lock}",
        f"SET SESSION innodb_lock_wait_timeout = {limits.lock}",
        "SET SESSION time_zone = 'SYSTEM'",
        _statement_limit(session.flavour, limits.query),
    ]
    for setting in settings:
        try:
            await session.rows(setting)
        except ServerError as error:
            if error.number != UNKNOWN_VARIABLE:  # an older server; the bot's own time limit still holds
                raise
    await session.rows("SET SESSION TRANSACTION READ ONLY")


def _statement_limit(flavour: Flavour, seconds: float) -> str:
    match flavour:
        case Flavour.MARIADB:
            return f"SET SESSION max_statement_time = {seconds:.3f}"
        case Flavour.MYSQL:
            return f"SET SESSION max_execution_time = {seconds * 1000:.0f}"


@dataclass(frozen=True)
class _Login:
    database: Database
    host: str
    port: int
    limits: Limits

    async def connect(self, name: str | None) -> Any:
        try:
            async with asyncio.timeout(self.limits.connect):
                return await aiomysql.connect(
                    host=self.host,
                    port=self.port,
                    user=self.database.user,
                    password=self.database.password.reveal(),
                    db=name,
                    charset="utf8mb4",
                    autocommit=True,
                    program_name="countersign",
                )
        except TimeoutError as error:
            raise ServerError(0, f"no answer within {self.limits.connect:g} s") from error
        except aiomysql.Error as error:
            raise _server_error(error) from error
        except Exception as error:
            # whatever else listens there can make the client library stumble in any way; none of it is the bot's fault
            raise ServerError(0, f"it did not answer as a MySQL server does ({type(error).__name__})") from error


class _Killer:
    """Ends statements from a second connection.

    Args:
        login: how that connection is made.
    """

    def __init__(self, login: _Login) -> None:
        self._login = login
        self._tasks: set[asyncio.Task[None]] = set()

    async def end(self, thread: int) -> None:
        """End the statement of a connection; it goes on being ended where the caller is cancelled meanwhile.

        Args:
            thread: the server's number of the connection.
        """
        task = asyncio.create_task(self._kill(thread))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.wait({task})

    async def finished(self) -> None:
        """Wait until nothing is being ended any more."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def _kill(self, thread: int) -> None:
        # not to be had is no failure: the statement has ended, or the server's own limit will end it
        with contextlib.suppress(ServerError, TimeoutError, aiomysql.Error, OSError):
            async with asyncio.timeout(self._login.limits.kill):
                connection = await self._login.connect(None)
                try:
                    cursor = await connection.cursor()
                    await cursor.execute(f"KILL QUERY {thread:d}")
                finally:
                    connection.close()


@dataclass(frozen=True)
class _Answer:
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


async def _ask(connection: Any, killer: _Killer, limit: float, sql: str, values: Row) -> tuple[Row, ...]:
    return (await _answer(connection, killer, limit, sql, values)).rows


async def _answer(connection: Any, killer: _Killer, limit: float, sql: str, values: Row) -> _Answer:
    try:
        async with asyncio.timeout(limit):
            cursor = await connection.cursor()
            await cursor.execute(sql, values or None)
            columns = tuple(str(column[0]) for column in cursor.description or ())
            return _Answer(columns, tuple(await cursor.fetchall()))
    except TimeoutError as error:
        await killer.end(connection.thread_id())
        raise ServerError(0, f"no answer within {limit:g} s") from error
    except asyncio.CancelledError:
        await killer.end(connection.thread_id())
        raise
    except aiomysql.Error as error:
        raise _server_error(error) from error
    except (OSError, EOFError, RuntimeError, UnicodeError) as error:
        raise ServerError(0, f"the connection was lost ({type(error).__name__})") from error


async def _close(connection: Any) -> None:
    try:
        async with asyncio.timeout(1):
            await connection.ensure_closed()
    except (TimeoutError, aiomysql.Error, OSError, RuntimeError):
        connection.close()


def _server_error(error: aiomysql.Error) -> ServerError:
    match error.args:
        case (int(number), str(text), *_):
            return ServerError(number, text)
        case (int(number), *_):
            return ServerError(number, "")
        case _:
            return ServerError(0, str(error))
