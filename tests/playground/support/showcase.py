"""A deploy as it looks in the middle, with every kind of block: the stuff of the screenshots."""

from __future__ import annotations

from typing import Any

PLAN = {"event_type": "countersign_plan", "event_payload": {"run": "R7", "plan": "9f2c"}}


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": True}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def option(text: str, value: str, description: str | None = None) -> dict[str, Any]:
    extra = {"description": plain(description)} if description else {}
    return {"text": plain(text), "value": value, **extra}


CARD = [
    {"type": "header", "text": plain("Deploy compte to production")},
    {
        "type": "section",
        "text": mrkdwn("*Waits for approval* by <!subteam^S0RELEASE>. Nothing has changed yet."),
        "accessory": {
            "type": "overflow",
            "action_id": "run_more",
            "options": [option("Show the plan again", "plan"), option("Open the log", "log")],
        },
    },
    {
        "type": "section",
        "fields": [
            mrkdwn("*Commit*\n`aace2d6` on `main`"),
            mrkdwn("*Requested by*\n<@U0AMELIE>"),
            mrkdwn("*Migrations*\n1 pending"),
            mrkdwn("*Expires*\n<!date^1795346000^{time}|soon>"),
        ],
    },
    {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": "run_cancel",
                "text": plain("Cancel"),
                "style": "danger",
                "value": "R7",
                "confirm": {
                    "title": plain("Cancel this run?"),
                    "text": mrkdwn("Nothing in production has changed. The plan is given up."),
                    "confirm": plain("Cancel the run"),
                    "deny": plain("Keep it"),
                    "style": "danger",
                },
            },
            {"type": "button", "action_id": "run_log", "text": plain("Open log"), "value": "R7"},
        ],
    },
    {"type": "context", "elements": [mrkdwn("Run R7 · policy _production_ · 1 approval needed")]},
]

PLAN_TEXT = [
    {
        "type": "markdown",
        "text": "### What will happen\n\n1. Maintenance on\n2. Check out `aace2d6`\n3. Run **1 migration**\n\n"
        "```\nALTER TABLE user_sessions ADD token_id varchar(100) NULL;\n```\n",
    },
    {
        "type": "table",
        "column_settings": [{}, {"align": "right"}],
        "rows": [
            [{"type": "raw_text", "text": "Table"}, {"type": "raw_text", "text": "Rows"}],
            [{"type": "raw_text", "text": "user_sessions"}, {"type": "raw_text", "text": "48,213"}],
        ],
    },
]

REQUEST = [
    {
        "type": "section",
        "text": mrkdwn(
            "<@U0BOB> please countersign: react with :white_check_mark: to approve, :x: to reject.\n"
            "&gt; Adds the nullable column `token_id` to `user_sessions`.\n"
            "• no data is lost\n• about 2 seconds, measured on a copy"
        ),
    }
]


def task(key: str, title: str, state: str, details: str | None = None) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if details:
        section = {"type": "rich_text_section", "elements": [{"type": "text", "text": details}]}
        extra["details"] = {"type": "rich_text", "elements": [section]}
    return {"type": "task_card", "task_id": key, "title": title, "status": state, **extra}


PROGRESS = [
    {
        "type": "plan",
        "title": "Running",
        "tasks": [
            task("down", "Maintenance on", "complete"),
            task("checkout", "Check out aace2d6", "complete", "web1, 0.4 s"),
            task("migrate", "Run migrations", "in_progress", "running for 3 s, usually 5 s"),
            task("caches", "Rebuild the caches", "pending"),
            task("up", "Maintenance off", "pending"),
        ],
    }
]

MODAL = {
    "type": "modal",
    "callback_id": "deploy",
    "title": plain("Deploy"),
    "submit": plain("Make the plan"),
    "close": plain("Not now"),
    "notify_on_close": True,
    "blocks": [
        {"type": "section", "text": mrkdwn("Nothing changes before the plan is *countersigned*.")},
        {
            "type": "input",
            "block_id": "environment",
            "label": plain("Environment"),
            "element": {
                "type": "static_select",
                "action_id": "value",
                "placeholder": plain("Choose one"),
                "options": [option("production", "production"), option("staging", "staging")],
            },
        },
        {
            "type": "input",
            "block_id": "ref",
            "label": plain("Branch, tag or commit"),
            "hint": plain("Left empty, it is the branch of the operations file."),
            "optional": True,
            "element": {"type": "plain_text_input", "action_id": "value", "placeholder": plain("main")},
        },
        {
            "type": "input",
            "block_id": "hosts",
            "label": plain("Hosts"),
            "optional": True,
            "element": {
                "type": "multi_static_select",
                "action_id": "value",
                "options": [option("web1", "web1"), option("web2", "web2")],
            },
        },
        {
            "type": "input",
            "block_id": "how",
            "label": plain("How"),
            "optional": True,
            "element": {
                "type": "checkboxes",
                "action_id": "value",
                "options": [option("Dry run", "dry", "Shows the plan and stops"), option("No migrations", "none")],
            },
        },
        {
            "type": "input",
            "block_id": "when",
            "label": plain("When"),
            "element": {
                "type": "radio_buttons",
                "action_id": "value",
                "initial_option": option("Now", "now"),
                "options": [option("Now", "now"), option("Tonight", "tonight")],
            },
        },
    ],
}

HOME = {
    "type": "home",
    "blocks": [
        {"type": "header", "text": plain("Countersign")},
        {"type": "section", "text": mrkdwn("*compte · production*\nat `9be01c4`, healthy")},
        {"type": "divider"},
        {
            "type": "actions",
            "elements": [{"type": "button", "action_id": "home_deploy", "text": plain("Deploy…"), "value": "compte"}],
        },
    ],
}

HOSTILE = "<img src=x onerror=\"document.title='owned'\"> <script>document.title='owned'</script>"
