"""Reading the tables of a live database: how large they are, and their columns and indexes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.databases.server.schema import Schema
from bot.databases.server.schema_rows import SCHEMA_SQL, schema_of
from bot.databases.server.session import ReadOnlySession

_SIZES = """
    SELECT table_name, COALESCE(table_rows, 0), COALESCE(data_length, 0) + COALESCE(index_length, 0)
    FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
"""


@dataclass(frozen=True)
class TableSize:
    """How large a table is.

    Args:
        rows: as the server estimates them.
        bytes: of data and indexes.
    """

    rows: int
    bytes: int

    @property
    def is_large(self) -> bool:
        """Whether rebuilding it takes long enough to matter."""
        return self.rows >= _MANY_ROWS or self.bytes >= _MANY_BYTES


_MANY_ROWS = 1_000_000
_MANY_BYTES = 256 * 1024 * 1024


async def table_sizes(session: ReadOnlySession) -> Mapping[str, TableSize]:
    """Read the size of every table.

    Args:
        session: with the database.

    Raises:
        ServerError: it cannot be read.
    """
    return {str(name): TableSize(int(rows), int(size)) for name, rows, size in await session.rows(_SIZES)}


async def live_schema(session: ReadOnlySession) -> Schema:
    """Read every column and index.

    Args:
        session: with the database.

    Raises:
        ServerError: it cannot be read.
    """
    return schema_of(await session.rows(SCHEMA_SQL))
