"""The whole workspace as one JSON object, for the page's start and for tests."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bot.playground.events.sockets import Sockets
from bot.playground.web_api.views import full_view
from bot.playground.workspace.state import State

SHOWN_BYTES = 1 << 20
"""Larger files are left out of the snapshot; their address is in it."""


def snapshot(state: State, sockets: Sockets) -> dict[str, Any]:
    """Give everything that is in the workspace; `number` is that of the latest change."""
    workspace = state.workspace
    return {
        "ok": True,
        "number": state.changes.number,
        "team": asdict(workspace.team),
        "app": {key: value for key, value in asdict(workspace.app).items() if key not in ("bot_token", "app_token")},
        "people": [asdict(person) for person in workspace.people],
        "user_groups": [asdict(group) for group in workspace.user_groups],
        "welcome": asdict(workspace.welcome),
        "emoji": state.emoji,
        "channels": [
            {
                "id": conversation.id,
                "name": conversation.name,
                "topic": conversation.topic,
                "members": list(conversation.members),
                "is_private": conversation.is_private,
                "person": conversation.person,
                "messages": [state.message_for_page(message) for message in conversation.messages.values()],
            }
            for conversation in state.conversations.values()
        ],
        "ephemerals": [ephemeral.to_json() for ephemeral in state.ephemerals],
        "files": [
            {
                **file.to_json(state.base_url),
                "content": file.text(SHOWN_BYTES),
            }
            for file in state.files.values()
        ],
        "views": {
            user: [full_view(state, state.views[identifier]) for identifier in stack]
            for user, stack in state.stacks.items()
        },
        "homes": {user: full_view(state, view) for user, view in state.homes.items()},
        "sockets": sockets.count,
    }
