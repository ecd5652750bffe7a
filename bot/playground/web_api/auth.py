"""auth.*, api.* and apps.*: who the app is, and where its socket is."""

from __future__ import annotations

from typing import Any

from bot.playground.errors import SlackError
from bot.playground.rate_limits import Tier
from bot.playground.web_api.registry import MethodCall, TokenType, method


@method("api.test", tier=Tier.FOUR, token=TokenType.NONE)
def api_test(call: MethodCall) -> dict[str, Any]:
    """Give the arguments back, or fail with `error`."""
    arguments = {key: value for key, value in call.arguments.items() if key != "token"}
    if "error" in arguments:
        raise SlackError(str(arguments["error"]), details={"args": arguments})
    return {"args": arguments} if arguments else {}


@method("auth.test", tier=Tier.SPECIAL)
def auth_test(call: MethodCall) -> dict[str, Any]:
    """Return whose token it is."""
    workspace = call.state.workspace
    return {
        "url": call.state.base_url,
        "team": workspace.team.name,
        "user": call.state.people[call.bot_user].name,
        "team_id": workspace.team.id,
        "user_id": call.bot_user,
        "bot_id": workspace.app.bot_id,
        "is_enterprise_install": False,
    }


@method("apps.connections.open", tier=Tier.SPECIAL, token=TokenType.APP)
def connections_open(call: MethodCall) -> dict[str, Any]:
    """Hand out a WebSocket URL that works once."""
    base = call.state.base_url.replace("http", "ws", 1)
    ticket = call.sockets.hand_out_ticket()
    return {"url": f"{base}link/?ticket={ticket}&app_id={call.state.workspace.app.id}"}
