"""One connection to a database server: opening it, querying, ending statements at the server, closing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import aiomysql

from bot.databases.server.errors import CONNECTION_LOST, NO_ANSWER, ServerError
from bot.databases.server.tls import InsistingConnection, PreferringConnection, tls_context
from bot.domain.targets.target import Database
from bot.domain.targets.tls import TlsMode

Row = tuple[Any, ...]
Statement = tuple[str, tuple[object, ...]]
"""A statement with `%s` for each value, and the values."""


@dataclass(frozen=True)
class QueryLimits:
    """Time limits, in seconds.

    Args:
        connect: for the connection and the login together.
        query: for one statement. The server has the same limit, so that a statement ends even if the bot is gone.
        lock: for a lock, so that a look never stands in a queue of locks that production waits in.
        kill: for ending a statement whose answer nobody waits for any more.
    """

    connect: float = 10.0
    query: float = 20.0
    lock: int = 2
    kill: float = 5.0


USUAL_LIMITS = QueryLimits()


@dataclass(frozen=True)
class Login:
    """The address and account of a server.

    Args:
        database: whose account is used.
        host: as seen from here, perhaps the near end of a tunnel.
        port: there.
        limits: for all that is done with it.
    """

    database: Database
    host: str
    port: int
    limits: QueryLimits

    async def connect(self, name: str | None) -> Any:
        """Open a connection of aiomysql.

        Args:
            name: of the database to be in; None for none.

        Raises:
            ServerError: it was refused, the time is over, or nothing there speaks as a MySQL server does.
        """
        try:
            async with asyncio.timeout(self.limits.connect):
                return await self._open(
                    host=self.host,
                    port=self.port,
                    user=self.database.user,
                    password=as_utf8(self.database.password.reveal()),
                    db=name,
                    charset="utf8mb4",
                    autocommit=True,
                    program_name="countersign",
                    ssl=tls_context(self.database.tls, self.database.host),
                )
        except TimeoutError as error:
            raise ServerError(0, f"no answer within {self.limits.connect:g} s") from error
        except aiomysql.Error as error:
            raise _server_error(error) from error
        except Exception as error:
            # another protocol on that port can make the client library raise anything
            said = " ".join(filter(None, (type(error).__name__, str(error))))
            raise ServerError(0, f"it did not answer as a MySQL server does ({said})") from error

    async def _open(self, **options: Any) -> Any:
        insists = self.database.tls.mode in {TlsMode.REQUIRED, TlsMode.VERIFY}
        connection = (InsistingConnection if insists else PreferringConnection)(**options)
        await connection._connect()  # noqa: SLF001 - as `aiomysql.connect` does
        return connection

    async def end_statement(self, kill: str) -> None:
        """End a statement of another connection, on a connection of its own.

        Args:
            kill: the statement that does it.

        Raises:
            ServerError: it could not be ended, also because it has ended.
        """
        try:
            async with asyncio.timeout(self.limits.kill):
                connection = await self.connect(None)
                try:
                    cursor = await connection.cursor()
                    await cursor.execute(kill)
                finally:
                    connection.close()
        except TimeoutError as error:
            raise ServerError(0, f"no answer within {self.limits.kill:g} s") from error
        except aiomysql.Error as error:
            raise _server_error(error) from error


def as_utf8(password: str) -> str:
    """Return what the client library, which encodes passwords as Latin-1, turns into the UTF-8 that the server expects.

    Args:
        password: as it is.
    """
    return password.encode().decode("latin-1")


@dataclass(frozen=True)
class QueryResult:
    """The rows that a statement returned.

    Args:
        columns: their names.
        rows: all of them.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


class Connection:
    """An open connection. A cancelled statement is ended at the server too.

    Args:
        login: how it was made, and how another is made to end its statements.
        connection: of aiomysql, logged in.
    """

    def __init__(self, login: Login, connection: Any) -> None:
        self._login = login
        self._connection = connection
        self._endings: set[asyncio.Task[None]] = set()

    async def ask(self, sql: str, *values: object) -> QueryResult:
        """Run one statement. When it is cancelled or takes too long, it is ended at the server.

        Args:
            sql: with `%s` for each value; without values, `%` is itself.
            *values: escaped by the client library.

        Raises:
            ServerError: the server refused it, the connection was lost, or the time is over.
        """
        (answer,) = await self.ask_together(((sql, values),))
        if isinstance(answer, ServerError):
            raise answer
        return answer

    async def ask_together(self, statements: Sequence[Statement]) -> tuple[QueryResult | ServerError, ...]:
        """Run statements with one question to the server, in order; it runs none behind one that it refuses.

        Args:
            statements: at least one, each as for `ask`.

        Returns:
            What each of them answered that was run, the last of which may have been refused.

        Raises:
            ServerError: the connection was lost, or the time is over.
        """
        limit = self._login.limits.query * len(statements)
        answers: list[QueryResult | ServerError] = []
        try:
            async with asyncio.timeout(limit):
                cursor = await self._connection.cursor()
                await cursor.execute("; ".join(cursor.mogrify(sql, values or None) for sql, values in statements))
                has_more = True
                while has_more:
                    columns = tuple(str(column[0]) for column in cursor.description or ())
                    answers.append(QueryResult(columns, tuple(await cursor.fetchall())))
                    has_more = bool(await cursor.nextset())
        except TimeoutError as error:
            await self._end_statement()
            raise ServerError(0, f"no answer within {limit:g} s") from error
        except asyncio.CancelledError:
            await self._end_statement()
            raise
        except aiomysql.Error as error:
            refusal = _server_error(error)
            if refusal.number in NO_ANSWER:
                raise refusal from error
            answers.append(refusal)
        except (OSError, EOFError, RuntimeError, UnicodeError) as error:
            raise ServerError(CONNECTION_LOST, f"the connection was lost ({type(error).__name__})") from error
        return tuple(answers)

    async def answers(self, seconds: float) -> bool:
        """Ask the server for a sign of life.

        Args:
            seconds: to wait for it. Nothing is known of the connection where it does not come.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._connection.ping(reconnect=False)
        except (TimeoutError, aiomysql.Error, OSError, EOFError, RuntimeError):
            return False
        return True

    async def close(self) -> None:
        """Wait until statements have been ended, and close it."""
        if self._endings:
            await asyncio.wait(set(self._endings))
        try:
            async with asyncio.timeout(1):
                await self._connection.ensure_closed()
        except (TimeoutError, aiomysql.Error, OSError, RuntimeError):
            self._connection.close()

    async def _end_statement(self) -> None:
        # It goes on when the caller is cancelled meanwhile.
        task = asyncio.create_task(self._end(self._connection.thread_id()))
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)
        await asyncio.wait({task})

    async def _end(self, thread: int) -> None:
        # a failure is harmless: the statement has ended, or the server's own limit ends it
        with contextlib.suppress(ServerError, OSError):
            await self._login.end_statement(f"KILL QUERY {thread:d}")


@contextlib.asynccontextmanager
async def connect(login: Login, name: str) -> AsyncIterator[Connection]:
    """Open a connection; closed at the end of the context.

    Args:
        login: where, and as whom.
        name: of the database to be in.

    Yields:
        The connection.

    Raises:
        ServerError: as `Login.connect`.
    """
    opened = Connection(login, await login.connect(name))
    try:
        yield opened
    finally:
        await opened.close()


def _server_error(error: aiomysql.Error) -> ServerError:
    match error.args:
        case (int(number), str(text), *_):
            # The library says of everything that it cannot connect; what went wrong is the cause.
            return ServerError(number, text if error.__cause__ is None else f"{text} ({error.__cause__})")
        case (int(number), *_):
            return ServerError(number, "")
        case _:
            return ServerError(0, str(error))
