"""The bot's own memory: runs, steps, votes, history, events and messages, on SQLite or on MySQL and MariaDB."""

from bot.store.reader import StoreReader
from bot.store.request_writer import RequestWriter, open_request_writer
from bot.store.sql.errors import StoreError, StoreLockedError, StoreMissingError
from bot.store.store import SqlStore, open_readonly, open_store

__all__ = [
    "RequestWriter",
    "SqlStore",
    "StoreError",
    "StoreLockedError",
    "StoreMissingError",
    "StoreReader",
    "open_readonly",
    "open_request_writer",
    "open_store",
]
