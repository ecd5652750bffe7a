"""The Python environment of the peers, beside the project's own; made anew when what it is to have changes."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sys
from pathlib import Path

from bench.program import ROOT

_REQUIREMENTS = Path(__file__).with_name("requirements.txt")
_SECONDS = 180.0


async def peers_python() -> Path:
    """Give the interpreter that can import the peers.

    Raises:
        RuntimeError: the environment could not be made, for example because nothing can be downloaded.
    """
    digest = hashlib.sha256(_REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = ROOT / ".cache" / "bench" / f"peers-{digest}"
    python = folder / "bin" / "python"
    if (folder / "whole").exists():
        return python
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    await _run(sys.executable, "-m", "venv", str(folder))
    await _run(str(python), "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(_REQUIREMENTS))
    (folder / "whole").touch()
    return python


async def _run(*words: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(_SECONDS):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise RuntimeError(f"the peers could not be installed within {_SECONDS:.0f} s") from None
    if process.returncode != 0:
        last = output.decode(errors="replace").strip().splitlines()[-1:]
        raise RuntimeError(f"the peers could not be installed: {' '.join(last)}")
