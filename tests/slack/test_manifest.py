"""The manifest of the Slack app."""

from __future__ import annotations

from ruamel.yaml import YAML

from bot.slack.manifest import SCOPES, manifest
from tests.slack.support.fakes import DeploySpec


def test_the_manifest_has_every_command_and_scope() -> None:
    content = YAML(typ="safe").load(manifest([DeploySpec()]))
    (command,) = content["features"]["slash_commands"]
    assert command["command"] == "/deploy"
    assert command["should_escape"] is True
    assert content["oauth_config"]["scopes"]["bot"] == sorted(SCOPES)
    assert content["settings"]["socket_mode_enabled"] is True
    assert content["settings"]["interactivity"]["is_enabled"] is True
    assert content["settings"]["event_subscriptions"]["bot_events"] == [
        "app_home_opened",
        "file_shared",
        "reaction_added",
        "reaction_removed",
    ]
