"""What runs on a real host for dumps and restores whose bytes go through the bot."""

import contextlib
from pathlib import Path

from bot.demo.host.host import DemoHost
from tests.support.vendors import PROGRAMS


def waiting_for_pipes_on(host: DemoHost) -> list[str]:
    """Shells on the host that wait for a pipe of ours."""
    return [words for words in _running_on(host) if words.startswith("sleep\x000.1")]


def at_work_on(host: DemoHost) -> list[str]:
    """Programs of dumps and restores that run on the host."""
    names = [Path(words.partition("\0")[0]).name for words in _running_on(host)]
    return [name for name in names if name in {PROGRAMS.dumper, PROGRAMS.client, "zstd", "tee", "cat"}]


def _running_on(host: DemoHost) -> list[str]:
    found = []
    for pid in host.left_processes():
        with contextlib.suppress(OSError):  # it has just ended
            found.append(Path(f"/proc/{pid}/cmdline").read_text(errors="replace"))
    return found
