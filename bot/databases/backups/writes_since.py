"""Writes since a backup: the live tables compared with its manifest."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bot.databases.backups.manifest import Manifest
from bot.databases.server.checksums import CHECKSUM_SQL, LONG_NAMES_SQL
from bot.databases.server.connector import Connector
from bot.databases.server.errors import ServerError
from bot.databases.server.quoting import identifier
from bot.databases.server.session import ReadOnlySession
from bot.domain.backups.writes_since import TableWrites, WriteState
from bot.domain.targets.target import Target

LARGEST_READ = 32 * 1024 * 1024
"""Maximum bytes of a table that is read whole for its row count and checksum."""

MAX_READ = 256 * 1024 * 1024
"""Maximum bytes read of all tables together."""

_PATIENCE = 15.0
"""Seconds for all reads; other tables are judged by what the server remembers."""

_CLOCKS = timedelta(minutes=1)
"""Maximum clock difference between the host and the server."""

_TABLES = f"""
    SELECT table_name, COALESCE(table_rows, 0), COALESCE(data_length, 0) + COALESCE(index_length, 0),
        UNIX_TIMESTAMP(update_time), auto_increment, {CHECKSUM_SQL}
    FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type NOT IN ('VIEW', 'SEQUENCE')
    ORDER BY 3
"""  # noqa: S608 - of constants
"""InnoDB remembers `update_time` only since the server was started (MySQL Reference Manual, "The TABLES Table")."""


_COUNTERS = """
    SELECT table_name, auto_increment FROM information_schema.tables
    WHERE table_schema = DATABASE() AND auto_increment IS NOT NULL
"""


@dataclass(frozen=True)
class LiveTable:
    """A table of the live database.

    Args:
        rows: how many.
        counted: whether they were counted, and are no estimate.
        checksum: as `CHECKSUM_SQL` reads it; None where it was not read.
        written: the last write that the server remembers.
        counter: the next AUTO_INCREMENT; None where it has none.
    """

    rows: int
    counted: bool = False
    checksum: str | None = None
    written: datetime | None = None
    counter: int | None = None


class WritesSinceReader:
    """Compares live tables with a backup.

    Args:
        connections: opens sessions.
    """

    def __init__(self, connections: Connector) -> None:
        self._connections = connections

    async def since(self, target: Target, manifest: Manifest) -> tuple[TableWrites, ...]:
        """Compare each table with its state in a backup.

        Args:
            target: whose database; it is only read.
            manifest: of the backup.

        Raises:
            RefusedError: a reason of the database or of a host.
        """
        async with self._connections.reading(target) as session:
            return compare(manifest, await _live(session, manifest))

    async def counters(self, target: Target) -> Mapping[str, int]:
        """Read the next AUTO_INCREMENT of each table that has one, from which later growth is read.

        Args:
            target: whose database.

        Raises:
            RefusedError: a reason of the database or of a host.
        """
        async with self._connections.reading(target) as session:
            return {str(name): int(value) for name, value in await session.rows(_COUNTERS)}


async def _live(session: ReadOnlySession, manifest: Manifest) -> Mapping[str, LiveTable]:
    found: dict[str, LiveTable] = {}
    readable: dict[str, str] = {}
    await session.rows(LONG_NAMES_SQL)
    budget = MAX_READ
    for name, rows, size, written, counter, checksum in await session.rows(_TABLES):
        table, of_backup = str(name), str(name) in manifest.tables
        if manifest.chosen and not of_backup:
            continue
        at = None if written is None else datetime.fromtimestamp(float(written), UTC)
        found[table] = LiveTable(int(rows), written=at, counter=None if counter is None else int(counter))
        if size <= LARGEST_READ and size <= budget:
            budget -= int(size)
            readable[table] = str(checksum)
    try:
        async with asyncio.timeout(_PATIENCE):
            for table, checksum in readable.items():
                wanted = checksum if session.version == manifest.server else None
                found[table] = await _read(session, table, found[table], wanted)
    except TimeoutError:
        pass
    return found


async def _read(session: ReadOnlySession, table: str, known: LiveTable, checksum_sql: str | None) -> LiveTable:
    """Count the rows of a table and take its checksum, which servers of different versions compute differently.

    Args:
        session: with the database.
        table: its name.
        known: of it.
        checksum_sql: reads the checksum; None where it cannot be compared.
    """
    try:
        quoted = identifier(table)
        rows = int((await session.rows(f"SELECT COUNT(*) FROM {quoted}"))[0][0])  # noqa: S608 - quoted as an identifier
        known = replace(known, rows=rows, counted=True)
        if checksum_sql is None:
            return known
        checksum = (await session.rows(checksum_sql))[0][1]
        return replace(known, checksum=None if checksum is None else str(checksum))
    except (ServerError, ValueError):
        # A lock blocks it, or the name cannot be quoted: fall back to what the server remembers.
        return known


def compare(manifest: Manifest, live: Mapping[str, LiveTable]) -> tuple[TableWrites, ...]:
    """Compare live tables with a backup. Pure.

    Args:
        manifest: of the backup.
        live: the tables of the live database, by name; of a backup of chosen tables, those alone.

    Returns:
        By name.
    """
    started = datetime.fromisoformat(manifest.started)
    found: list[TableWrites] = []
    for table in sorted({*manifest.tables, *live}):
        figures, now = manifest.rows.get(table), live.get(table)
        then = None if figures is None else figures[2]
        if now is None:
            found.append(TableWrites(table, WriteState.GONE, then))
        elif table not in manifest.tables:
            found.append(TableWrites(table, WriteState.NEW, None, now.rows, now.counted, now.written))
        else:
            checksums = () if figures is None else (figures[1], figures[3])
            counts = () if figures is None else (figures[0], figures[2])
            written, grown = _judged(now, counts, checksums, started), _grown(manifest.counters.get(table), now.counter)
            if written is WriteState.UNKNOWN and grown:
                written = WriteState.ADDED
            found.append(TableWrites(table, written, then, now.rows, now.counted, now.written, grown))
    return tuple(found)


def _judged(now: LiveTable, counts: tuple[int, ...], checksums: tuple[str, ...], started: datetime) -> WriteState:
    if now.checksum is not None and checksums:
        return WriteState.SAME if now.checksum in checksums else WriteState.CHANGED
    if now.written is not None and now.written > started + _CLOCKS:
        return WriteState.CHANGED
    if now.counted and counts and not min(counts) <= now.rows <= max(counts):
        return WriteState.CHANGED
    if now.written is not None and now.written < started - _CLOCKS:
        return WriteState.SAME
    return WriteState.UNKNOWN


def _grown(then: int | None, now: int | None) -> int | None:
    """Return the growth of a counter; None where it did not grow, or was reset."""
    return now - then if then is not None and now is not None and now > then else None
