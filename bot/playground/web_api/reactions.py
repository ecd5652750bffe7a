"""reactions.*: the emoji under messages."""

from __future__ import annotations

from typing import Any

from bot.playground.errors import SlackError
from bot.playground.rate_limits import Tier
from bot.playground.web_api.registry import MethodCall, member_of, method
from bot.playground.workspace.emoji import canonical_emoji


def _name(call: MethodCall) -> str:
    name = canonical_emoji(call.text("name"), call.state.workspace.emoji)
    if name is None:
        raise SlackError("invalid_name")
    return name


@method("reactions.add", "reactions:write")
def add(call: MethodCall) -> dict[str, Any]:
    """React as the app; it hears of that as of any reaction."""
    message = call.state.message(member_of(call, call.text("channel")).id, call.text("timestamp"))
    name = _name(call)
    call.state.react(message, call.bot_user, name)
    call.events.reaction("reaction_added", message, call.bot_user, name)
    return {}


@method("reactions.remove", "reactions:write", tier=Tier.TWO)
def remove(call: MethodCall) -> dict[str, Any]:
    """Take a reaction of the app away."""
    message = call.state.message(member_of(call, call.text("channel")).id, call.text("timestamp"))
    name = _name(call)
    call.state.unreact(message, call.bot_user, name)
    call.events.reaction("reaction_removed", message, call.bot_user, name)
    return {}


@method("reactions.get", "reactions:read")
def get(call: MethodCall) -> dict[str, Any]:
    """Give a message with all its reactions; there are never so many that `full` matters."""
    message = call.state.message(member_of(call, call.text("channel")).id, call.text("timestamp"))
    return {
        "type": "message",
        "channel": message.channel,
        "message": {
            **call.state.message_json(message, with_metadata=False),
            "permalink": f"{call.state.base_url}archives/{message.channel}/p{message.ts.replace('.', '')}",
        },
    }
