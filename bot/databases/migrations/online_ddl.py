"""How a server would change a table: asked of the server itself, on empty copies in a database that is thrown away.

It is a prediction: a copy has no history of earlier instant changes. MySQL Reference Manual, "Online DDL Operations";
MariaDB Knowledge Base, "InnoDB Online DDL Overview".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.databases.migrations.ddl import EffectKind, MigrationStatement, Operation
from bot.databases.migrations.sql_lexer import tokens
from bot.databases.server.errors import ServerError
from bot.databases.server.quoting import identifier
from bot.databases.server.session import Flavour, ThrowawaySession


class Online(StrEnum):
    """How a table is changed, from the least disturbance to the most."""

    INSTANT = "INSTANT"
    """Only the description of the table changes."""
    NOCOPY = "NOCOPY"
    """Something is built beside the table, which is not rebuilt (MariaDB)."""
    INPLACE = "INPLACE"
    """Inside the engine; it may rebuild the table. Reading and writing go on, unless `writes_wait`."""
    COPY = "COPY"
    """Row by row into a new table; whoever writes waits."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Prediction:
    """How a statement would be carried out.

    Args:
        online: the least disturbing way that the server accepts.
        writes_wait: whether whoever writes to the table waits meanwhile.
    """

    online: Online
    writes_wait: bool


UNPREDICTED = Prediction(Online.UNKNOWN, writes_wait=True)

_CHANGES_A_TABLE = frozenset({Operation.ALTER_TABLE, Operation.CREATE_INDEX, Operation.DROP_INDEX})
_REPLAYED = _CHANGES_A_TABLE | {Operation.CREATE_TABLE, Operation.DROP_TABLE, Operation.RENAME_TABLE}


async def predict(
    session: ThrowawaySession, source: str, tables: Collection[str], statements: tuple[MigrationStatement, ...]
) -> Mapping[int, Prediction]:
    """Try statements in order on empty copies of the tables they change.

    A statement that names another database, or hides something, is not tried.

    Args:
        session: where.
        source: name of the database whose tables are copied, without their rows.
        tables: names of its tables.
        statements: in the order in which they would run.

    Returns:
        Predictions by the statement's place, for those that change a table.
    """
    copies = _ScratchTables(session, source, tables)
    found: dict[int, Prediction] = {}
    for place, statement in enumerate(statements):
        if statement.operation in _CHANGES_A_TABLE:
            found[place] = await copies.predicted(statement) if statement.self_contained else UNPREDICTED
        if statement.self_contained and statement.operation in _REPLAYED:
            await copies.bring(statement)
            await copies.replay(statement.sql)
    return found


class _ScratchTables:
    def __init__(self, session: ThrowawaySession, source: str, tables: Collection[str]) -> None:
        self._session = session
        self._source = source
        self._left = set(tables)

    async def bring(self, statement: MigrationStatement) -> None:
        """Make empty copies of the tables that a statement names, those that a foreign key names included."""
        for token in tokens(statement.sql):
            name = token.text
            if token.can_name and name in self._left:
                self._left.remove(name)
                copy = identifier(name)
                await self._tried(f"CREATE TABLE {copy} LIKE {identifier(self._source)}.{copy}")

    async def replay(self, sql: str) -> None:
        """Run a statement on the copies, so that the next one finds what it left."""
        await self._tried(sql)

    async def predicted(self, statement: MigrationStatement) -> Prediction:
        """Find the least disturbing way in which the server carries a statement out."""
        if any(effects.kind is EffectKind.TABLE_RENAMED for effects in statement.effects):
            return Prediction(Online.INSTANT, writes_wait=False)
        try:
            identifier(statement.table)
        except ValueError:
            return UNPREDICTED
        await self.bring(statement)
        for online, suffix, writes_wait in _ways(self._session.flavour, statement):
            if await self._works(statement, suffix):
                return Prediction(online, writes_wait)
        return UNPREDICTED

    async def _works(self, statement: MigrationStatement, suffix: str) -> bool:
        """Try on a copy of the copy, under its own name: statements name tables in more places than one."""
        table, aside = identifier(statement.table), "`countersign aside`"
        if not await self._tried(f"CREATE TABLE {aside} LIKE {table}"):
            return False
        works = await self._tried(statement.sql.rstrip().rstrip(";") + suffix)
        if works:
            await self._tried("SET foreign_key_checks = 0")
            await self._tried(f"DROP TABLE {table}")
            await self._tried(f"RENAME TABLE {aside} TO {table}")
            await self._tried("SET foreign_key_checks = 1")
        else:
            await self._tried(f"DROP TABLE {aside}")
        return works

    async def _tried(self, sql: str) -> bool:
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
