"""Programs that are measured as processes: started, awaited until they print `ready`, measured, ended."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_READY_SECONDS = 60.0


@dataclass(frozen=True)
class Running:
    """A program that printed `ready`.

    Args:
        pid: its process id.
        seconds: from its start to that word.
    """

    pid: int
    seconds: float

    def resident_mib(self) -> float:
        """Its resident memory now, in MiB."""
        return resident_mib(self.pid)


def resident_mib(pid: int) -> float:
    """Read the resident memory of a process, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(pid)


@asynccontextmanager
async def running(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Running]:
    """Run a Python program of this repository.

    Args:
        arguments: of the interpreter.
        folder: its working directory.
        environment: beside the usual one.

    Raises:
        RuntimeError: it ended, or was not ready in time; with its output.
    """
    output: list[str] = []
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(_READY_SECONDS):
            await _wait_for_ready(process, output)
        seconds = time.perf_counter() - began
        reading = asyncio.create_task(_read_on(process))
        yield Running(process.pid, seconds)
    except TimeoutError as error:
        raise RuntimeError("not ready in time: " + "\n".join(output[-20:])) from error
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()
    await reading


async def _wait_for_ready(process: asyncio.subprocess.Process, output: list[str]) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        output.append(line.decode(errors="replace").rstrip())
        if output[-1] == "ready":
            return
    raise RuntimeError("it ended: " + "\n".join(output[-20:]))


async def _read_on(process: asyncio.subprocess.Process) -> None:
    """Read its further output, so that it never blocks on a full pipe."""
    assert process.stdout is not None
    while await process.stdout.read(1 << 16):
        pass
