"""The store for a process beside the bot, which may read everything and write requests to the bot alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.store.operations import write
from bot.store.reader import CancelRequestReader, StoreReader
from bot.store.runs import cancel_requests
from bot.store.shared import open_shared
from bot.store.sql import engines
from bot.store.sql.database import Database


class CancelRequestWriter(CancelRequestReader):
    """Requests cancellations."""

    ask = write(cancel_requests.ask)


class RequestWriter(StoreReader):
    """Reads the store, and writes requests to the bot. `open_request_writer` makes it."""

    cancel_requests: CancelRequestWriter

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.cancel_requests = CancelRequestWriter(database)


@asynccontextmanager
async def open_request_writer(url: str) -> AsyncIterator[RequestWriter]:
    """Open the store beside its owner, whether that runs or not, and close it at the end of the block.

    Args:
        url: STORE_URL.

    Raises:
        StoreMissingError: there is no store yet.
        StoreError: the URL, the file or the server cannot be used, or the store is of another version.
    """
    async with open_shared(url, engines.guest_database) as database:
        yield RequestWriter(database)
