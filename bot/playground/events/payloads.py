"""The payloads that Slack sends to an app. Pure: what happened in, JSON out."""

from __future__ import annotations

import secrets
import time
from typing import Any

from bot.playground.workspace.workspace import Person, Workspace


def event_callback(workspace: Workspace, event: dict[str, Any]) -> dict[str, Any]:
    """Wrap an event as the Events API does; each call makes a new `event_id`."""
    team, app = workspace.team, workspace.app
    return {
        "token": "playground",
        "team_id": team.id,
        "context_team_id": team.id,
        "api_app_id": app.id,
        "event": event,
        "type": "event_callback",
        "event_id": "Ev" + secrets.token_hex(6).upper(),
        "event_time": int(time.time()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": team.id,
                "user_id": app.bot_user_id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": "4-" + secrets.token_hex(12),
    }


def reaction_event(
    kind: str, user: str, reaction: str, channel: str, ts: str, author: str, event_ts: str
) -> dict[str, Any]:
    """Give a `reaction_added` or `reaction_removed` event.

    Args:
        kind: one of the two.
        user: who reacted.
        reaction: shortcode, with its skin tone if there is one.
        channel: of the message.
        ts: of the message.
        author: who wrote the message.
        event_ts: when it happened.
    """
    return {
        "type": kind,
        "user": user,
        "reaction": reaction,
        "item": {"type": "message", "channel": channel, "ts": ts},
        "item_user": author,
        "event_ts": event_ts,
    }


def slash_command(
    workspace: Workspace,
    person: Person,
    channel: tuple[str, str],
    command: str,
    text: str,
    response_url: str,
    trigger_id: str,
) -> dict[str, Any]:
    """Give the payload of a slash command.

    Args:
        workspace: for the IDs of team and app.
        person: who typed it.
        channel: ID and name; the name is Slack's stand-in for private ones.
        command: with its slash.
        text: what follows the command.
        response_url: where to answer.
        trigger_id: opens a modal.
    """
    return {
        "token": "playground",
        "team_id": workspace.team.id,
        "team_domain": workspace.team.domain,
        "channel_id": channel[0],
        "channel_name": channel[1],
        "user_id": person.id,
        "user_name": person.name,
        "command": command,
        "text": text,
        "api_app_id": workspace.app.id,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


def interaction(workspace: Workspace, person: Person, kind: str, trigger_id: str) -> dict[str, Any]:
    """Give what `block_actions`, `view_submission` and `view_closed` have in common."""
    return {
        "type": kind,
        "team": {"id": workspace.team.id, "domain": workspace.team.domain},
        "user": {
            "id": person.id,
            "username": person.name,
            "name": person.name,
            "team_id": workspace.team.id,
        },
        "api_app_id": workspace.app.id,
        "token": "playground",
        "trigger_id": trigger_id,
        "enterprise": None,
        "is_enterprise_install": False,
    }
