"""The store for somebody who asks the bot for something: reads all, and writes requests alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial

from bot.domain.runs.run import Run
from bot.store.reader import StoreReader
from bot.store.runs import cancel_requests
from bot.store.shared import open_shared
from bot.store.sql import engines


class RequestWriter(StoreReader):
    """Reads the store, and leaves requests in it for the bot. `open_request_writer` makes it."""

    async def ask_to_cancel(self, run: str, actor: str, at: datetime) -> Run | None:
        """Ask that a run is cancelled.

        Args:
            run: its ID.
            actor: who asks, for the history.
            at: when.

        Returns:
            The run as it was, of which nothing is asked where it has ended; None where there is none.
        """
        return await self._database.write(partial(cancel_requests.ask_to_cancel, run=run, actor=actor, at=at))


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
