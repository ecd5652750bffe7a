"""`countersign demo` as a process, with a temporary folder of its own, so that what it leaves behind can be seen."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bot.demo.processes import proc
from bot.demo.processes.process import temporary_folder
from tests.support import eventually

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Demonstration:
    """A running `countersign demo`.

    Args:
        process: the process itself.
        temporary: its TMPDIR.
        lines: what it has printed.
    """

    process: asyncio.subprocess.Process
    temporary: Path
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    async def url(self) -> str:
        """Wait for the address of the page."""
        found: list[str] = []

        def seen() -> bool:
            assert self.process.returncode is None, self.text
            found[:] = re.findall(r"Open (http://\S+)", self.text)
            return bool(found)

        await eventually(seen, 60, what="the address of the page")
        return found[0]

    def folder(self) -> Path:
        """The one folder that everything lies in."""
        [folder] = self.temporary.iterdir()
        return folder

    def processes(self) -> list[int]:
        """Everything on this machine that was started from the folder, or by the demonstration."""
        return [*mentioning(f"{self.temporary}/"), *proc.descendants(self.process.pid)]

    async def end(self, number: signal.Signals) -> int:
        """Send a signal, and give the exit status."""
        self.process.send_signal(number)
        async with asyncio.timeout(30):
            return await self.process.wait()

    async def nothing_is_left(self) -> None:
        """Wait until no process and no file is there any more."""
        await eventually(
            lambda: not mentioning(f"{self.temporary}/") and not list(self.temporary.iterdir()),
            20,
            what="nothing is left",
        )


def mentioning(words: str) -> list[int]:
    """Process ids of everything whose command line has these words."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and words in (entry / "cmdline").read_text(errors="replace"):
                found.append(int(entry.name))
    return found


@asynccontextmanager
async def demonstration(*options: str) -> AsyncIterator[Demonstration]:
    """Start `countersign demo`, and end it if it is still there."""
    async with temporary_folder("cs-") as temporary:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "demo",
            *options,
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(temporary), "SLACK_BOT_TOKEN": "xoxb-somebody-elses", "COLUMNS": "200"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        shown = Demonstration(process, temporary)
        reading = asyncio.create_task(_read(shown))
        try:
            yield shown
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await reading


async def _read(shown: Demonstration) -> None:
    assert shown.process.stdout is not None
    async for line in shown.process.stdout:
        shown.lines.append(line.decode().rstrip("\n"))
