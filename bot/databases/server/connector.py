"""Opens sessions with a target's database, directly or through a host, with a time limit on everything."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import TypeVar

from bot.databases.ports import TunnelOpener
from bot.databases.server.connection import USUAL_LIMITS, Connection, Login, QueryLimits, connect
from bot.databases.server.errors import LOST, NO_SUCH_DATABASE, NO_SUCH_TABLE, ServerError, problem_of
from bot.databases.server.idle_sessions import IdleSessions, OpenSession
from bot.databases.server.quoting import identifier
from bot.databases.server.scratch_names import ScratchNames
from bot.databases.server.session import ReadOnlySession, ThrowawaySession, read_only, version_of
from bot.domain.errors import Reason, RefusedError, problem
from bot.domain.targets.target import Database, Target

T = TypeVar("T")


class Connector:
    """Opens sessions with the databases of targets.

    Args:
        open_tunnel: through a host.
        limits: in seconds.
        idle: keeps read-only sessions for the next look; None opens one for each.
    """

    def __init__(
        self, open_tunnel: TunnelOpener, limits: QueryLimits = USUAL_LIMITS, idle: IdleSessions | None = None
    ) -> None:
        self._open_tunnel = open_tunnel
        self._limits = limits
        self._idle = idle

    @contextlib.asynccontextmanager
    async def reading(self, target: Target) -> AsyncIterator[ReadOnlySession]:
        """Open a read-only session, or take one that has just answered.

        Args:
            target: whose database.

        Yields:
            The session, which nobody else has. Leaving by an exception closes it.

        Raises:
            RefusedError: `database_unreachable`, `database_login_refused`, `database_missing`, `blocked_by_sessions`,
                or a host's reason; also for a `ServerError` that leaves the context.
        """
        database = _database_of(target)
        opened = (await self._idle.take(database) if self._idle is not None else None) or await self._open(database)
        try:
            with _translating_errors(database):
                yield opened.session
        except BaseException:
            await opened.close()
            raise
        if self._idle is None:
            await opened.close()
        else:
            await self._idle.give_back(database, opened)

    async def read(self, target: Target, work: Callable[[ReadOnlySession], Awaitable[T]]) -> T:
        """Do something in a read-only session; once more, in another one, where a kept one was lost.

        Args:
            target: whose database.
            work: only reads, and may be called twice.

        Raises:
            RefusedError: as `reading`.
        """
        database = _database_of(target)
        kept = await self._idle.take_unasked(database) if self._idle is not None else None
        if self._idle is not None and kept is not None:
            try:
                answer = await work(kept.session)
            except ServerError as error:
                await kept.close()
                if error.number not in LOST:
                    raise RefusedError(problem_of(error, database)) from error
            except BaseException:
                await kept.close()
                raise
            else:
                await self._idle.give_back(database, kept)
                return answer
        async with self.reading(target) as session:
            return await work(session)

    def prepare(self, target: Target) -> None:
        """Open a session with a target's database in the background, for a look that is about to be taken."""
        database = target.database
        if self._idle is not None and database is not None:
            self._idle.prepare(database, partial(self._open, database))

    async def _open(self, database: Database) -> OpenSession:
        async with contextlib.AsyncExitStack() as stack:
            login = await stack.enter_async_context(self._login(database))
            with _translating_errors(database):
                connection = await stack.enter_async_context(connect(login, database.name))
                session = await read_only(connection, self._limits)
            return OpenSession(session, connection, stack.pop_all())

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
            RefusedError: a reason of the database or of a host; also for a `ServerError` that leaves the context.
        """
        database = _allowing(target, name)
        async with self._login(database) as login:
            with _translating_errors(database):
                async with contextlib.AsyncExitStack() as stack:
                    maker = await stack.enter_async_context(connect(login, _EVERYWHERE))
                    # suppress notes about missing databases to drop
                    await maker.ask("SET SESSION sql_notes = 0")
                    version = await version_of(maker)
                    await maker.ask(_dropping(name))
                    await maker.ask(f"CREATE DATABASE {identifier(name)}")
                    stack.push_async_callback(_drop, maker, name)
                    session = ThrowawaySession(version, await stack.enter_async_context(connect(login, name)))
                    await session.run("SET SESSION sql_notes = 0")
                    await session.run(f"SET SESSION lock_wait_timeout = {self._limits.lock}")
                    yield session

    @contextlib.asynccontextmanager
    async def scratch(self, target: Target) -> AsyncIterator[ReadOnlySession]:
        """Open a read-only session with the account that makes copies, wherever a target's copies live.

        Args:
            target: which.

        Yields:
            The session.

        Raises:
            ValueError: the target allows no such database (`scratch`).
            RefusedError: a reason of the database or of a host; also for a `ServerError` that leaves the context.
        """
        database = _allowing(target, _scratch_prefix(target))
        async with self._login(database) as login:
            with _translating_errors(database):
                async with connect(login, _EVERYWHERE) as opened:
                    yield await read_only(opened, self._limits)

    async def scratch_databases(self, target: Target) -> tuple[str, ...]:
        """Name the databases `NAME_countersign_*` of a target, wherever its copies live.

        Args:
            target: which.

        Raises:
            ValueError: the target allows no such database (`scratch`).
            RefusedError: a reason of the database or of a host.
        """
        async with self.scratch(target) as session:
            rows = await session.rows(_SCRATCH_DATABASES, *[_scratch_prefix(target)] * 2)
        return tuple(str(row[0]) for row in rows)

    async def drop_scratch(self, target: Target, name: str) -> None:
        """Drop a scratch database whose maker is gone.

        Args:
            target: on whose server, and as whom.
            name: of the database; it may be gone.

        Raises:
            ValueError: the target allows no such database (`scratch`), or not under this name.
            RefusedError: a reason of the database or of a host.
        """
        database = _allowing(target, name)
        async with self._login(database) as login:
            with _translating_errors(database):
                async with connect(login, _EVERYWHERE) as opened:
                    await opened.ask("SET SESSION sql_notes = 0")
                    await opened.ask(f"SET SESSION lock_wait_timeout = {self._limits.lock}")
                    await opened.ask(_dropping(name))

    async def leave_scratch_server(self, target: Target, names: ScratchNames) -> bool:
        """Remove what a killed rehearsal in a sandbox left at a scratch server.

        These are its accounts and databases, and how it changed the server's log; see `relayed_server.sh`.

        Args:
            target: on whose server, and as whom.
            names: of what it made; all of it may be gone.

        Returns:
            Whether it is removed; it is not while another rehearsal is at the server.

        Raises:
            ValueError: the target allows no such database (`scratch`), or not under this name.
            RefusedError: a reason of the database or of a host.
        """
        database = _allowing(target, names.database)
        async with self._login(database) as login:
            with _translating_errors(database):
                async with connect(login, _EVERYWHERE) as opened:
                    ((locked,),) = (await opened.ask("SELECT GET_LOCK('countersign_sandbox', 0)")).rows
                    if locked != 1:
                        return False
                    await opened.ask("SET SESSION sql_notes = 0")
                    await opened.ask(f"SET SESSION lock_wait_timeout = {self._limits.lock}")
                    await _log_as_before(opened, f"{names.database}_e")
                    for user, host in itertools.product((names.account, f"{names.account}_t"), ("%", "localhost")):
                        await opened.ask(f"DROP USER IF EXISTS '{user}'@'{host}'")
                    # That which knows how the log was is the last.
                    for ending in ("", "_b", "_t", "_e"):
                        await opened.ask(_dropping(f"{names.database}{ending}"))
        return True

    async def end_statement(self, target: Target, session: int, query: int | None) -> None:
        """End one statement of another session of the target's own user; that session stays.

        Args:
            target: on whose server, and as whom.
            session: the server's number of the session.
            query: the server's number of the statement, so that none that follows it is ended; None where the server
                gives none (MySQL).

        Raises:
            RefusedError: it ended meanwhile, it is another user's, or a reason of the database or of a host.
        """
        database = target.database
        if database is None:
            raise ValueError(f"{target.name} has no database")
        async with self._login(database) as login:
            with _translating_errors(database):
                await login.end_statement(f"KILL QUERY {session:d}" if query is None else f"KILL QUERY ID {query:d}")

    @contextlib.asynccontextmanager
    async def _login(self, database: Database) -> AsyncIterator[Login]:
        if database.via is None:
            yield Login(database, database.host, database.port, self._limits)
            return
        async with self._open_tunnel(database.via, database.host, database.port) as (host, port):
            yield Login(database, host, port, self._limits)


def _database_of(target: Target) -> Database:
    if target.database is None:
        name = target.name
        raise RefusedError(problem(Reason.DATABASE_MISSING, app=name.app, environment=name.environment, database=""))
    return target.database


@contextlib.contextmanager
def _translating_errors(database: Database) -> Iterator[None]:
    """Translate the server's errors into problems."""
    try:
        yield
    except ServerError as error:
        raise RefusedError(problem_of(error, database)) from error


_EVERYWHERE = "information_schema"
"""A database that every server has and every account sees."""

_SCRATCH_DATABASES = "SELECT schema_name FROM information_schema.schemata WHERE LEFT(schema_name, CHAR_LENGTH(%s)) = %s"


def _scratch_prefix(target: Target) -> str:
    return f"{target.database.name if target.database is not None else ''}_countersign_"


def _allowing(target: Target, name: str) -> Database:
    """Give the account that makes and drops databases of a name."""
    database = target.database.copies_at(target.hosts[0]) if target.database is not None else None
    if database is None or not name.startswith(f"{database.name}_countersign_"):
        raise ValueError(f"{target.name} allows no database {name!r} to be made and dropped")
    return database


def _dropping(name: str) -> str:
    return f"DROP DATABASE IF EXISTS {identifier(name)}"


async def _log_as_before(opened: Connection, evidence: str) -> None:
    try:
        await opened.ask(f"USE {identifier(evidence)}")
        rows = (await opened.ask("SELECT general_log, log_output, was_empty FROM log_before")).rows
    except ServerError as error:
        if error.number not in NO_SUCH_TABLE | NO_SUCH_DATABASE:
            raise
        return
    for switched, output, was_empty in rows:
        await opened.ask(f"SET GLOBAL general_log = {int(switched):d}")
        await opened.ask("SET GLOBAL log_output = %s", output)
        if was_empty:
            # It takes a privilege that the log itself does not.
            with contextlib.suppress(ServerError):
                await opened.ask("TRUNCATE TABLE mysql.general_log")


async def _drop(maker: Connection, name: str) -> None:
    # the next rehearsal drops what cannot be dropped now
    with contextlib.suppress(ServerError):
        await maker.ask(_dropping(name))
