"""The manifest of the Slack app, generated from the commands."""

from __future__ import annotations

import io
from collections.abc import Iterable

from ruamel.yaml import YAML

from bot.slack.ports import ListedCommand

SCOPES = {
    "channels:history": "find a message of its own again when Slack's answer was lost",
    "channels:read": "see whether it is in a channel before it starts anything there, and who would be called",
    "chat:write": "post the run cards and their threads",
    "commands": "take slash commands",
    "files:read": "read a signature that somebody drops into a thread as a file",
    "files:write": "put the log of a run into its thread",
    "groups:history": "as channels:history, in private channels",
    "groups:read": "as channels:read, for private channels",
    "reactions:read": "read who approves and who rejects",
    "reactions:write": "put the first emojis on a request to approve",
    "usergroups:read": "look up who is in a user group when a decision is made",
    "users:read": "look up who somebody is when a decision is made",
}
"""The scopes of the bot's token, and what each is needed for."""

REQUIRED = frozenset(SCOPES) - {"channels:history", "channels:read", "files:read", "groups:history", "groups:read"}
"""Scopes without which the bot cannot work; the others are optional."""

EVENTS = ("app_home_opened", "file_shared", "reaction_added", "reaction_removed")

_MAX_DESCRIPTION = 140
_MAX_NAME = 35


def manifest(commands: Iterable[ListedCommand], name: str = "Countersign") -> str:
    """Return the manifest, to be pasted at https://api.slack.com/apps.

    Args:
        commands: all slash commands.
        name: of the app, as shown in Slack.

    Returns:
        YAML.
    """
    display = name[:_MAX_NAME]
    content = {
        "display_information": {
            "name": display,
            "description": "Operates production: planned, countersigned, told step by step."[:_MAX_DESCRIPTION],
            "background_color": "#1f4e42",
        },
        "features": {
            # With the messages tab off Slack takes no direct message of the bot; nobody needs to answer one.
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            "bot_user": {"display_name": display, "always_online": True},
            "slash_commands": [
                {
                    "command": spec.name,
                    "description": spec.description[:2000],
                    "usage_hint": spec.usage[:1000],
                    "should_escape": True,
                }
                for spec in sorted(commands, key=lambda spec: spec.name)
            ],
        },
        "oauth_config": {"scopes": {"bot": sorted(SCOPES)}},
        "settings": {
            "event_subscriptions": {"bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True},
            "org_deploy_enabled": False,
            "socket_mode_enabled": True,
            "token_rotation_enabled": False,
        },
    }
    writer = YAML()
    writer.width = 4096
    writer.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    writer.dump(content, text)
    return text.getvalue()
