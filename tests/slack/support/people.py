"""Kinds of people in the shapes in which `users.info` describes them, and whether each may count.

The shapes follow Slack's reference of the user object: what a kind has and another has not is left as Slack gives it
(a deactivated person lacks the flags, a stranger lacks roles, a member of a Grid has `enterprise_user`).
"""

from __future__ import annotations

from typing import Any

HOME, ELSEWHERE, FIRST = "T0HOME", "T0ELSEWHERE", "T0FIRST"

_PROFILE = {
    "title": "",
    "phone": "",
    "skype": "",
    "real_name": "Egon Spengler",
    "real_name_normalized": "Egon Spengler",
    "display_name": "spengler",
    "display_name_normalized": "spengler",
    "status_text": "",
    "status_emoji": "",
    "avatar_hash": "ge3b51ca72de",
    "email": "spengler@example.com",
    "team": HOME,
}

_MEMBER: dict[str, Any] = {
    "id": "W012A3CDE",
    "team_id": HOME,
    "name": "spengler",
    "deleted": False,
    "color": "9f69e7",
    "real_name": "Egon Spengler",
    "tz": "America/Los_Angeles",
    "tz_label": "Pacific Daylight Time",
    "tz_offset": -25200,
    "profile": _PROFILE,
    "is_admin": False,
    "is_owner": False,
    "is_primary_owner": False,
    "is_restricted": False,
    "is_ultra_restricted": False,
    "is_bot": False,
    "is_app_user": False,
    "updated": 1502138686,
    "has_2fa": False,
    "who_can_share_contact_card": "EVERYONE",
    "locale": "en-US",
}


def _grid(*teams: str, enterprise: str = "E0HOME") -> dict[str, Any]:
    return {
        "enterprise_user": {
            "id": "W012A3CDE",
            "enterprise_id": enterprise,
            "enterprise_name": "Ghostbusters",
            "is_admin": False,
            "is_owner": False,
            "is_primary_owner": False,
            "teams": list(teams),
        }
    }


_STRANGER = {
    "id": "U0STRANGER",
    "team_id": ELSEWHERE,
    "name": "vinz",
    "deleted": False,
    "color": "9f69e7",
    "real_name": "Vinz Clortho",
    "profile": {**_PROFILE, "team": ELSEWHERE},
    "is_restricted": False,
    "is_ultra_restricted": False,
    "is_bot": False,
    "is_stranger": True,
    "updated": 1502138686,
    "is_app_user": False,
}

_CONNECTED = {**_MEMBER, "id": "U0CONNECT", "team_id": ELSEWHERE, "profile": {**_PROFILE, "team": ELSEWHERE}}

PEOPLE: dict[str, tuple[bool, dict[str, Any]]] = {
    "a member": (True, _MEMBER),
    "a member of the Grid who is named by another workspace": (
        True,
        {**_MEMBER, "team_id": FIRST, **_grid(FIRST, HOME)},
    ),
    "a member of the Grid who is named by this workspace": (True, {**_MEMBER, **_grid(HOME)}),
    "a member of the Grid who is not in this workspace": (False, {**_MEMBER, "team_id": FIRST, **_grid(FIRST)}),
    "a guest of the Grid": (False, {**_MEMBER, "is_restricted": True, **_grid(HOME)}),
    "a guest": (False, {**_MEMBER, "is_restricted": True}),
    "a guest of one channel": (False, {**_MEMBER, "is_restricted": True, "is_ultra_restricted": True}),
    "somebody who is deactivated": (
        False,
        {
            "id": "U0GONE",
            "team_id": HOME,
            "name": "gozer",
            "deleted": True,
            "profile": _PROFILE,
            "is_bot": False,
            "is_app_user": False,
            "updated": 1502138686,
        },
    ),
    "a bot": (False, {**_MEMBER, "id": "U0BOT", "is_bot": True, "profile": {**_PROFILE, "bot_id": "B0BOT"}}),
    "a workflow": (False, {**_MEMBER, "id": "U0FLOW", "is_bot": True, "is_workflow_bot": True}),
    "Slackbot": (False, {**_MEMBER, "id": "USLACKBOT", "name": "slackbot", "is_bot": False}),
    "a stranger in a shared channel": (False, _STRANGER),
    "somebody of Slack Connect without the flag": (False, _CONNECTED),
    "somebody of another Grid, by Slack Connect": (
        False,
        {**_CONNECTED, **_grid(ELSEWHERE, "T0OTHER", enterprise="E0ELSE")},
    ),
    "somebody who was invited and did not come yet": (False, {**_MEMBER, "is_invited_user": True}),
}
