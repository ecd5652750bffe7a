"""The bot's own memory: runs, steps, votes, history, events and messages, on SQLite or on MySQL and MariaDB."""

from bot.store.reader import StoreReader
from bot.store.request_writer import Petitioner, open_petitions
from bot.store.sql.errors import StoreError, StoreLocked, StoreMissing
from bot.store.store import SqlStore, open_readonly, open_store

__all__ = [
    "Petitioner",
    "SqlStore",
    "StoreError",
    "StoreLocked",
    "StoreMissing",
    "StoreReader",
    "open_petitions",
    "open_readonly",
    "open_store",
]
