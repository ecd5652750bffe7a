"""What the bot's own record says of a run, read as scripts read it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.program import ROOT


async def run_json(run: str, folder: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """Read a run with `runs show --json`.

    Args:
        run: its ID.
        folder: in which the bot runs.
        environment: of the bot.

    Raises:
        RuntimeError: it could not be read.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "runs", "show", run, "--json"),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"runs show {run} ended with {process.returncode}")
    found: dict[str, Any] = json.loads(output)
    return found
