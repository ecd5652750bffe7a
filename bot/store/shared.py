"""Opening a store that another process may own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from sqlalchemy.engine import URL

from bot.store.sql import engines, upgrade
from bot.store.sql.database import Database


@asynccontextmanager
async def open_shared(url: str, open_database: Callable[[URL], Database]) -> AsyncIterator[Database]:
    """Open the database of an existing store of this version, and close it at the end of the block.

    Args:
        url: STORE_URL.
        open_database: of `bot.store.sql.engines`, for reading or for writing.

    Raises:
        StoreMissingError: there is no store yet.
        StoreError: the URL, the file or the server cannot be used, or the store is of another version.
    """
    parsed = engines.parse(url)
    async with AsyncExitStack() as stack:
        database = open_database(parsed)
        stack.push_async_callback(database.close)
        await database.prepare(partial(upgrade.require_current, where=engines.shown(parsed)))
        yield database
