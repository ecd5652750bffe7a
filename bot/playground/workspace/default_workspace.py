"""The workspace that is used when no file names another: three people, #ops, and the Countersign app."""

from __future__ import annotations

from typing import Any

from bot.playground.workspace.workspace import Workspace, parse_workspace

DEFAULT_WORKSPACE: dict[str, Any] = {
    "team": {"id": "T0PLAY", "name": "Playground", "domain": "playground"},
    "users": [
        {
            "id": "U0AMELIE",
            "name": "amelie",
            "real_name": "Amélie Laurent",
            "display_name": "Amélie",
            "title": "Engineer",
            "colour": "#8a5a9e",
            "tz": "Europe/Paris",
            "selectable": True,
            "hint": "You ask for deploys.",
        },
        {
            "id": "U0BOB",
            "name": "bob",
            "real_name": "Bob Okafor",
            "display_name": "Bob",
            "title": "Releaser",
            "colour": "#a8612c",
            "tz": "Europe/London",
            "selectable": True,
            "hint": "You countersign: react with ✅ to the request in the thread.",
        },
        {
            "id": "U0ONCALL",
            "name": "noor",
            "real_name": "Noor Haddad",
            "display_name": "Noor",
            "title": "On call",
            "colour": "#2d6a8e",
            "tz": "America/New_York",
            "selectable": True,
            "hint": "You watch, and decide when something needs a person.",
        },
        {
            "id": "U0DBA",
            "name": "dimitri",
            "real_name": "Dimitri Vass",
            "display_name": "Dimitri",
            "title": "Database administrator",
            "colour": "#4f6b3a",
            "tz": "Europe/Athens",
        },
    ],
    "channels": [
        {
            "id": "C0OPS",
            "name": "ops",
            "topic": "Production, step by step",
            "members": ["U0AMELIE", "U0BOB", "U0ONCALL", "U0DBA", "U0COUNTER"],
        },
        {
            "id": "C0GENERAL",
            "name": "general",
            "topic": "Everything else",
            "members": ["U0AMELIE", "U0BOB", "U0ONCALL", "U0DBA"],
        },
    ],
    "usergroups": [
        {"id": "S0RELEASE", "handle": "releasers", "name": "Releasers", "members": ["U0BOB"]},
    ],
    "app": {
        "id": "A0COUNTER",
        "name": "Countersign",
        "description": "Operates production, countersigned.",
        "bot_token": "xoxb-playground",
        "app_token": "xapp-playground",
        "bot_user_id": "U0COUNTER",
        "bot_id": "B0COUNTER",
        # As in the manifest of the app.
        "commands": [
            {
                "name": "/deploy",
                "description": "Bring a commit live: plan, countersign, deploy",
                "usage_hint": "APP ENV [REF] [--dry-run] [--no-migrate] [--at TIME|next-window] "
                "[--during-freeze REASON | --emergency REASON]",
            },
            {
                "name": "/migrate-status",
                "description": "Which migrations ran, which are pending, and what stands in their way",
                "usage_hint": "APP ENV",
            },
            {
                "name": "/rollback",
                "description": "Back to the release before: code and schema together, countersigned",
                "usage_hint": "APP ENV [--code | --migrations N | --to RELEASE] "
                "[--during-freeze REASON | --emergency REASON]",
            },
            {
                "name": "/backup",
                "description": "A verified backup of the database; list, prove and restore backups",
                "usage_hint": "APP ENV [TABLE…] | list APP ENV | verify APP ENV ID | drop-old APP ENV [NAME] | "
                "restore APP ENV ID [--during-freeze REASON | --emergency REASON]",
            },
            {
                "name": "/ops",
                "description": "What runs, waits and is locked here; lock, unlock, cancel",
                "usage_hint": "status [APP [ENV]] | lock APP ENV REASON | unlock APP ENV | cancel RUN | help",
            },
        ],
    },
    "welcome": {
        "title": "Start here",
        "text": "As *Amélie*, type `/deploy compte production`. Then switch to *Bob* and react with ✅ "
        "to the request in the thread.",
        "suggestions": ["/deploy compte production", "/ops help"],
    },
}


def default_workspace() -> Workspace:
    """Give the workspace that is used when no file names another."""
    return parse_workspace(DEFAULT_WORKSPACE)
