"""What else moves the figures: how busy the machine is, and how long its disk takes to keep something."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from pathlib import Path
from statistics import median

_COMMITS = 30


def surroundings() -> str:
    """Say it in words."""
    commits = _commit_milliseconds()
    return (
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; a bare SQLite commit below {tempfile.gettempdir()} "
        f"takes {median(commits):.1f} ms ({min(commits):.1f} – {max(commits):.1f})"
    )


def _commit_milliseconds() -> list[float]:
    """Commit small rows as durably as the bot's store does."""
    took = []
    with tempfile.TemporaryDirectory(prefix="cs-disk-") as folder:
        connection = sqlite3.connect(Path(folder) / "disk.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("PRAGMA synchronous=EXTRA")
        connection.execute("CREATE TABLE kept (words TEXT)")
        for _ in range(_COMMITS):
            began = time.perf_counter()
            connection.execute("INSERT INTO kept VALUES ('something')")
            took.append((time.perf_counter() - began) * 1000)
        connection.close()
    return took
