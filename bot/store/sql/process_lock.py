"""The lock file of an SQLite database, which admits one process at a time."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bot.store.sql.errors import StoreError, StoreLockedError

_PRIVATE = 0o600
_MAX_NOTE_BYTES = 500


def lock_path(database: Path) -> Path:
    """Name the lock file of a database."""
    return database.with_name(database.name + ".lock")


@contextmanager
def process_lock(database: Path) -> Iterator[None]:
    """Lock the database for this process; the operating system unlocks it however the process ends.

    Args:
        database: the file; its folder exists.

    Raises:
        StoreLockedError: another process has it; says which.
        StoreError: the lock file cannot be made.
    """
    path = lock_path(database)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE)
    except OSError as error:
        raise StoreError(
            f"the lock file cannot be made: {error.strerror}", str(path), "check the permissions of the folder"
        ) from error
    try:
        _lock(descriptor, path)
        yield
    finally:
        # The file stays: removing it would let two processes lock two files of one name.
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, _MAX_NOTE_BYTES, 0).decode(errors="replace").strip() or "another process"
        raise StoreLockedError(
            f"the store is in use by {holder}",
            str(path),
            "stop that one first, or give several processes a store on MySQL or MariaDB (STORE_URL)",
        ) from None
    except OSError as error:
        raise StoreError(
            f"the file system cannot lock files: {error.strerror}", str(path), "put the store on a local disk"
        ) from error
    note = f"process {os.getpid()} on {socket.gethostname()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n"
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, note.encode(), 0)
