"""What the measurements stand on: the playground, and operations files without hosts."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bench.program import ROOT
from bot.playground import Playground
from bot.playground.server import RunningPlayground
from bot.playground.workspace.default_workspace import default_workspace

BOT = ("-m", "bot", "serve")
"""The bot, as people start it."""


@asynccontextmanager
async def workspace() -> AsyncIterator[RunningPlayground]:
    """Serve a workspace in this process."""
    async with Playground(default_workspace()).serve() as playground:
        yield playground


def slack_environment(playground: RunningPlayground) -> Mapping[str, str]:
    """Give the variables with which an app finds its workspace."""
    app = default_workspace().app
    return {
        "SLACK_BOT_TOKEN": app.bot_token,
        "SLACK_APP_TOKEN": app.app_token,
        "SLACK_API_URL": playground.api_url,
        "LOG_FORMAT": "console",
    }


def bot_environment(playground: RunningPlayground, folder: Path) -> Mapping[str, str]:
    """Give the bot's variables, with the example of an operations file; its hosts are never reached.

    Args:
        playground: its workspace.
        folder: gets a copy of the example.
    """
    ops_file = folder / "ops.yaml"
    shutil.copyfile(ROOT / "ops.example.yaml", ops_file)
    return {**slack_environment(playground), "OPS_FILE": str(ops_file), "COMPTE_DB_PASSWORD": "not used here"}
