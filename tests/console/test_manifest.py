"""`countersign manifest`: what it prints is a manifest for the commands that exist."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from ruamel.yaml import YAML
from typer.testing import CliRunner

import commands
from bot.__main__ import app
from bot.playground.workspace.default_workspace import DEFAULT_WORKSPACE


def defined() -> dict[str, str]:
    """Give every slash command that a file of `commands/` defines: name → words behind it."""
    found = {}
    for module in pkgutil.iter_modules(commands.__path__):
        for kind in vars(importlib.import_module(f"commands.{module.name}")).values():
            name = getattr(kind, "name", None)
            if isinstance(kind, type) and isinstance(name, str) and name.startswith("/"):
                found[name] = kind.usage
    return found


def printed() -> dict[str, Any]:
    result = CliRunner().invoke(app, ["manifest"])
    assert result.exit_code == 0
    return dict(YAML(typ="safe").load(result.stdout))


def test_it_has_every_command_that_exists() -> None:
    listed = printed()["features"]["slash_commands"]
    assert {item["command"]: item["usage_hint"] for item in listed} == defined()
    assert "/deploy" in defined()
    assert all(item["should_escape"] for item in listed)


def test_it_asks_for_what_the_conversation_uses() -> None:
    manifest = printed()
    assert set(manifest["oauth_config"]["scopes"]["bot"]) >= {
        "commands", "chat:write", "reactions:read", "reactions:write", "usergroups:read", "files:write", "users:read",
    }  # fmt: skip
    settings = manifest["settings"]
    assert set(settings["event_subscriptions"]["bot_events"]) == {
        "app_home_opened",
        "file_shared",
        "reaction_added",
        "reaction_removed",
    }
    assert settings["socket_mode_enabled"]
    assert settings["interactivity"]["is_enabled"]
    # Without the messages tab Slack takes no direct message from the bot; nobody need write one to it.
    assert manifest["features"]["app_home"] == {
        "home_tab_enabled": True,
        "messages_tab_enabled": True,
        "messages_tab_read_only_enabled": True,
    }


def test_the_playground_offers_the_commands_of_the_manifest() -> None:
    parts = (("command", "name"), ("description", "description"), ("usage_hint", "usage_hint"))
    manifest = [{there: command[here] for here, there in parts} for command in printed()["features"]["slash_commands"]]
    offered = DEFAULT_WORKSPACE["app"]["commands"]
    assert sorted(offered, key=lambda each: each["name"]) == sorted(manifest, key=lambda each: each["name"])
