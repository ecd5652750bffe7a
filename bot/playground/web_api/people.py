"""users.*, usergroups.* and bots.info."""

from __future__ import annotations

from typing import Any

from bot.playground.errors import SlackError
from bot.playground.rate_limits import Tier
from bot.playground.web_api.registry import MethodCall, method
from bot.playground.workspace.workspace import UserGroup


@method("users.info", "users:read", tier=Tier.FOUR)
def users_info(call: MethodCall) -> dict[str, Any]:
    """Describe a person."""
    person = call.state.person(call.text("user"))
    locale = {"locale": person.locale} if call.flag("include_locale") else {}
    return {"user": call.state.user_json(person) | locale}


@method("users.list", "users:read", tier=Tier.TWO)
def users_list(call: MethodCall) -> dict[str, Any]:
    """List everybody, bots and deactivated people included."""
    found, metadata = call.page([call.state.user_json(person) for person in call.state.workspace.people])
    return {"members": found, "cache_ts": 0, "response_metadata": metadata}


@method("usergroups.list", "usergroups:read", tier=Tier.TWO)
def usergroups_list(call: MethodCall) -> dict[str, Any]:
    """List the user groups."""
    groups = [
        _group_json(call, group, with_users=call.flag("include_users")) for group in call.state.workspace.user_groups
    ]
    return {"usergroups": groups}


@method("usergroups.users.list", "usergroups:read", tier=Tier.TWO)
def usergroups_users_list(call: MethodCall) -> dict[str, Any]:
    """List the members of a user group; deactivated people are left out."""
    wanted = call.text("usergroup")
    for group in call.state.workspace.user_groups:
        if group.id == wanted:
            return {"users": [user for user in group.members if not call.state.people[user].deleted]}
    raise SlackError("no_such_subteam")


def _group_json(call: MethodCall, group: UserGroup, *, with_users: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "id": group.id,
        "team_id": call.state.workspace.team.id,
        "is_usergroup": True,
        "name": group.name,
        "handle": group.handle,
        "description": "",
        "is_external": False,
        "date_delete": 0,
        "user_count": len(group.members),
    }
    return {**answer, "users": list(group.members)} if with_users else answer


@method("bots.info", "users:read")
def bots_info(call: MethodCall) -> dict[str, Any]:
    """Describe the app's bot."""
    app = call.state.workspace.app
    if call.text("bot", app.bot_id) != app.bot_id:
        raise SlackError("bot_not_found")
    return {
        "bot": {
            "id": app.bot_id,
            "deleted": False,
            "name": app.name,
            "updated": 0,
            "app_id": app.id,
            "user_id": app.bot_user_id,
        }
    }
