"""A Slack-compatible workspace on this machine, with a web page, for demonstrations and tests.

It imports nothing of the bot: whatever works against it speaks Slack's own protocol.

    async with Playground(default_workspace()).serve() as server:
        client = AsyncWebClient(token=..., base_url=server.api_url)
"""

from bot.playground.server import Playground, RunningPlayground
from bot.playground.workspace.default_workspace import default_workspace
from bot.playground.workspace.workspace import Workspace, WorkspaceError, parse_workspace

__all__ = [
    "Playground",
    "RunningPlayground",
    "Workspace",
    "WorkspaceError",
    "default_workspace",
    "parse_workspace",
]
