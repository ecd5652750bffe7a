"""Runs a playground: `python -m bot.playground [--port N] [--workspace FILE] [--actions-url URL]`."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from bot.playground.server import Playground
from bot.playground.workspace.default_workspace import default_workspace
from bot.playground.workspace.workspace import Workspace, WorkspaceError, parse_workspace


def main() -> int:
    """Serve until SIGTERM or SIGINT.

    Returns:
        Exit status: 0 after a signal, 2 for an unusable workspace file, 1 if the port is taken.
    """
    parser = argparse.ArgumentParser(prog="python -m bot.playground", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port (default)")
    parser.add_argument("--workspace", type=Path, help="JSON file: people, channels, user groups, the app")
    parser.add_argument("--actions-url", help="where further entries of the page's menu come from")
    arguments = parser.parse_args()
    try:
        workspace = _read_workspace(arguments.workspace)
    except (OSError, ValueError) as error:
        print(f"{arguments.workspace}: {error}. Nothing was started.", file=sys.stderr)  # noqa: T201 - a console program
        return 2
    try:
        asyncio.run(_serve(Playground(workspace, arguments.actions_url), arguments.port))
    except OSError as error:
        print(f"Port {arguments.port} cannot be used: {error}.", file=sys.stderr)  # noqa: T201 - a console program
        return 1
    return 0


def _read_workspace(path: Path | None) -> Workspace:
    if path is None:
        return default_workspace()
    try:
        return parse_workspace(json.loads(path.read_text(encoding="utf-8")))
    except json.JSONDecodeError as error:
        raise WorkspaceError(f"is no JSON: {error}") from None


async def _serve(playground: Playground, port: int) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with playground.serve(port) as server:
        ready = {"event": "ready", "url": server.url, "api": server.api_url}
        print(json.dumps(ready), flush=True)  # noqa: T201 - the line that whoever started it waits for
        await ended.wait()


if __name__ == "__main__":
    sys.exit(main())
