"""What the measurements stand on: the playground, hosts of this machine, and operations files."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bench.program import ROOT
from bot.demo.host.host import DemoHost
from bot.playground import Playground
from bot.playground.server import RunningPlayground
from bot.playground.workspace.default_workspace import DEFAULT_WORKSPACE, default_workspace
from bot.playground.workspace.workspace import Workspace, parse_workspace
from tests.support import write_operations

BOT = ("-m", "bot", "serve")
"""The bot, as people start it."""

ENGINEER, RELEASER = "U0AMELIE", "U0BOB"

APPROVED: dict[str, Any] = {
    "run": {"deploy": ["anyone"]},
    "approve": {"deploy": {"count": 1, "from": ["releasers"], "expires": "30m"}},
    "rehearsal": "never",
}
"""A policy with a gate for deploys."""

UNASKED: dict[str, Any] = {"run": {"deploy": ["anyone"]}, "approve": {}, "rehearsal": "never"}
"""A policy without."""


@asynccontextmanager
async def workspace(content: Workspace | None = None) -> AsyncIterator[RunningPlayground]:
    """Serve a workspace in this process.

    Args:
        content: what is in it; the default one if None.
    """
    async with Playground(content or default_workspace()).serve() as playground:
        yield playground


def channel(number: int) -> str:
    """Give the ID of one of the channels of `channels`."""
    return f"C0BENCH{number}"


def channels(count: int) -> Workspace:
    """Give the default workspace with further channels."""
    content = deepcopy(DEFAULT_WORKSPACE)
    members = content["channels"][0]["members"]
    content["channels"] += [
        {"id": channel(number), "name": f"bench-{number}", "topic": "", "members": members} for number in range(count)
    ]
    return parse_workspace(content)


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


def host_section(host: DemoHost, port: int | None = None) -> dict[str, Any]:
    """Give a host's entry of an operations file.

    Args:
        host: the SSH server.
        port: to connect to instead of its own, such as that of a wire.
    """
    return {
        "address": host.address,
        "port": port or host.port,
        "user": host.user,
        "key": str(host.key),
        "known_hosts": str(host.known_hosts),
    }


def write_steps_recipe(folder: Path, count: int, *, risk: str = "changes", command: str = "true") -> str:
    """Write a recipe of steps that follow each other, of which none checks anything out; give its path.

    Args:
        folder: gets the file.
        count: of steps.
        risk: of each.
        command: that each runs.
    """
    change = [
        {"key": f"step-{number}", "title": f"Step {number}", "run": command, "risk": risk, "timeout": "5m"}
        for number in range(1, count + 1)
    ]
    file = folder / f"{risk}-{count}.yaml"
    fetch = "git fetch --quiet --no-tags --prune origin '+refs/heads/*:refs/remotes/origin/*'"
    prepare = [{"key": "fetch", "title": "Fetch from origin", "run": fetch, "timeout": "5m"}]
    content = {"recipe": f"{risk}-{count}", "title": f"{count} steps", "prepare": prepare, "change": change}
    with file.open("w") as stream:
        YAML(typ="safe").dump(content, stream)
    return str(file)


def app_section(recipe: str, hosts: Sequence[str], path: Path, in_channels: Sequence[str]) -> dict[str, Any]:
    """Give an app's entry of an operations file, with its environment `production` under the policy `bench`.

    Args:
        recipe: its name or path.
        hosts: their names.
        path: of the checkout on each.
        in_channels: where its commands are accepted.
    """
    production = {"policy": "bench", "hosts": list(hosts), "path": str(path), "branch": "main", "vars": {}}
    return {"recipe": recipe, "channels": list(in_channels), "environments": {"production": production}}


def write_fleet(
    folder: Path, hosts: Mapping[str, Mapping[str, Any]], apps: Mapping[str, Any], policy: Mapping[str, Any]
) -> Path:
    """Write an operations file with one policy, `bench`; give its path."""
    content = {
        "version": 1,
        "people": {"releasers": [RELEASER]},
        "hosts": dict(hosts),
        "policies": {"bench": dict(policy)},
        "apps": dict(apps),
    }
    return write_operations(folder, content)
