"""Prediction of how a server would change a table, by trying it on empty copies in a scratch database.

It is a prediction: a copy has no history of earlier instant changes. MySQL Reference Manual, "Online DDL Operations";
MariaDB Knowledge Base, "InnoDB Online DDL Overview".
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from bot.databases.migrations.sql.ddl import EffectKind, MigrationStatement, Operation
from bot.databases.migrations.sql.lexer import tokens
from bot.databases.server.connector import Connector
from bot.databases.server.errors import ServerError
from bot.databases.server.quoting import identifier
from bot.databases.server.session import Flavour, ReadOnlySession, ThrowawaySession
from bot.databases.server.tables import TableSize, table_sizes
from bot.domain.runs.migration_risk import Online
from bot.domain.targets.scratch import ScratchBeside
from bot.domain.targets.target import Target


@dataclass(frozen=True)
class Prediction:
    """The predicted way in which a statement is carried out.

    Args:
        online: the least disturbing way that the server accepts.
        writes_wait: whether writers to the table wait meanwhile.
    """

    online: Online
    writes_wait: bool


_CHANGES_ENGINE = re.compile(r"[\s,]engine\s*=", re.IGNORECASE)
"""MariaDB takes any way for such a change, also one that it cannot go, and copies."""

UNPREDICTED = Prediction(Online.UNKNOWN, writes_wait=True)

CHANGES_A_TABLE = frozenset({Operation.ALTER_TABLE, Operation.CREATE_INDEX, Operation.DROP_INDEX})
"""Operations that a server can carry out in one of these ways."""

_REPLAYED = CHANGES_A_TABLE | {Operation.CREATE_TABLE, Operation.DROP_TABLE, Operation.RENAME_TABLE}


TableCopier = Callable[[str], Awaitable[tuple[str, ...]]]
"""Gives the statements that make an empty copy of a table, without its foreign keys."""


def copies_beside(source: str) -> TableCopier:
    """Copy tables of another database of the same server.

    Args:
        source: name of that database.
    """

    async def copier(table: str) -> tuple[str, ...]:
        copy = identifier(table)
        return (f"CREATE TABLE {copy} LIKE {identifier(source)}.{copy}",)

    return copier


_WHOLE = "`countersign whole`"


def copies_of_definitions(live: ReadOnlySession) -> TableCopier:
    """Copy tables of another server by their definitions.

    Args:
        live: reads them.
    """

    async def copier(table: str) -> tuple[str, ...]:
        copy = identifier(table)
        rows = await live.rows(f"SHOW CREATE TABLE {copy}")
        definition = str(rows[0][1])
        start = f"CREATE TABLE {copy}"
        if not definition.startswith(start):
            return ()  # a view
        return (
            "SET foreign_key_checks = 0",
            f"CREATE TABLE {_WHOLE}{definition.removeprefix(start)}",
            f"CREATE TABLE {copy} LIKE {_WHOLE}",
            f"DROP TABLE {_WHOLE}",
            "SET foreign_key_checks = 1",
        )

    return copier


async def asked_of_server(
    connections: Connector, target: Target, name: str | None, statements: tuple[MigrationStatement, ...]
) -> tuple[Mapping[str, TableSize], Mapping[int, Prediction]]:
    """Read the sizes of the live tables, and have a server say how it would carry statements out.

    Args:
        connections: open sessions with the databases.
        target: of the tables.
        name: of the database that is made for it and dropped; None to ask no server.
        statements: in the order in which they would run.

    Raises:
        RefusedError: a reason of a database or of a host.
    """
    database = target.database
    async with connections.reading(target) as live:
        sizes = await table_sizes(live)
        if name is None or database is None:
            return sizes, {}
        beside = isinstance(database.scratch, ScratchBeside)
        copier = copies_beside(database.name) if beside else copies_of_definitions(live)
        async with connections.throwaway(target, name) as session:
            return sizes, await predict(session, copier, tuple(sizes), statements)


async def predict(
    session: ThrowawaySession, copier: TableCopier, tables: Collection[str], statements: tuple[MigrationStatement, ...]
) -> Mapping[int, Prediction]:
    """Try statements in order on empty copies of the tables they change.

    A statement that names another database, or hides something, is not tried.

    Args:
        session: where.
        copier: says how a table is copied, without its rows.
        tables: names of those that it can copy.
        statements: in the order in which they would run.

    Returns:
        Predictions by the statement's place, for those that change a table.
    """
    scratch = _ScratchTables(session, copier, tables)
    found: dict[int, Prediction] = {}
    for place, statement in enumerate(statements):
        if statement.operation in CHANGES_A_TABLE:
            found[place] = await scratch.predict(statement) if statement.self_contained else UNPREDICTED
        if statement.self_contained and statement.operation in _REPLAYED:
            await scratch.copy_tables(statement)
            await scratch.replay(statement.sql)
    return found


class _ScratchTables:
    def __init__(self, session: ThrowawaySession, copier: TableCopier, tables: Collection[str]) -> None:
        self._session = session
        self._copier = copier
        self._uncopied = set(tables)

    async def copy_tables(self, statement: MigrationStatement) -> None:
        """Make empty copies of the tables that a statement names, those that a foreign key names included."""
        for token in tokens(statement.sql):
            name = token.text
            if token.can_name and name in self._uncopied:
                self._uncopied.remove(name)
                for sql in await self._copier(name):
                    await self._succeeds(sql)

    async def replay(self, sql: str) -> None:
        """Run a statement on the copies, so that later ones see its effects."""
        await self._succeeds(sql)

    async def predict(self, statement: MigrationStatement) -> Prediction:
        """Find the least disruptive way that the server accepts for a statement."""
        if any(effect.kind is EffectKind.TABLE_RENAMED for effect in statement.effects):
            return Prediction(Online.INSTANT, writes_wait=False)
        if self._session.flavour is Flavour.MARIADB and _CHANGES_ENGINE.search(statement.sql) is not None:
            return UNPREDICTED
        try:
            identifier(statement.table)
        except ValueError:
            return UNPREDICTED
        await self.copy_tables(statement)
        for online, suffix, writes_wait in _ways(self._session.flavour, statement):
            if await self._works(statement, suffix):
                return Prediction(online, writes_wait)
        return UNPREDICTED

    async def _works(self, statement: MigrationStatement, suffix: str) -> bool:
        """Try a statement on a copy of the copy under the table's own name, which it may repeat."""
        table, aside = identifier(statement.table), "`countersign aside`"
        if not await self._succeeds(f"CREATE TABLE {aside} LIKE {table}"):
            return False
        works = await self._succeeds(statement.sql.rstrip().rstrip(";") + suffix)
        if works:
            await self._succeeds("SET foreign_key_checks = 0")
            await self._succeeds(f"DROP TABLE {table}")
            await self._succeeds(f"RENAME TABLE {aside} TO {table}")
            await self._succeeds("SET foreign_key_checks = 1")
        else:
            await self._succeeds(f"DROP TABLE {aside}")
        return works

    async def _succeeds(self, sql: str) -> bool:
        try:
            await self._session.run(sql)
        except ServerError:
            return False
        return True


def _ways(flavour: Flavour, statement: MigrationStatement) -> tuple[tuple[Online, str, bool], ...]:
    comma = ", " if statement.operation is Operation.ALTER_TABLE else " "
    ways = [(Online.INSTANT, f"{comma}ALGORITHM=INSTANT", False)]
    if flavour is Flavour.MARIADB:
        ways.append((Online.NOCOPY, f"{comma}ALGORITHM=NOCOPY{comma}LOCK=NONE", False))
    ways += [
        (Online.INPLACE, f"{comma}ALGORITHM=INPLACE{comma}LOCK=NONE", False),
        (Online.INPLACE, f"{comma}ALGORITHM=INPLACE", True),
        (Online.COPY, f"{comma}ALGORITHM=COPY", True),
    ]
    return tuple(ways)
