"""What else moves the figures: how busy the machine is, and how long its disk takes to keep something."""

from __future__ import annotations

import os
import platform
import sqlite3
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.report import spread_of

_COMMITS = 30


@dataclass(frozen=True)
class Surroundings:
    """The machine at one moment.

    Args:
        cores: that this program may use.
        processor: their name, as the kernel gives it; empty where it does not.
        load: average of the last minute.
        commit_ms: median milliseconds of a bare SQLite commit below the temporary folder.
        commit_spread: the fastest and the slowest.
    """

    cores: int
    processor: str
    load: float
    commit_ms: float
    commit_spread: str

    def text(self) -> str:
        """All of it, in words."""
        return (
            f"{self.cores} cores, load {self.load:.1f}; a bare SQLite commit below {tempfile.gettempdir()} "
            f"takes {self.commit_ms:.1f} ms ({self.commit_spread})"
        )


def load() -> float:
    """Give the load average of the last minute."""
    return os.getloadavg()[0]


def surroundings() -> Surroundings:
    """Look at the machine."""
    commits = _commit_milliseconds()
    cores = len(os.sched_getaffinity(0))
    return Surroundings(cores, _processor(), load(), median(commits), spread_of(commits))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


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
