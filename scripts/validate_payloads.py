"""Has Slack itself judge every message, form and App Home that the bot can show, by `blocks.validate`.

Nothing is posted anywhere, and the token needs no scope. Exit status 0, or 1 where Slack refuses something.

Usage: PYTHONPATH=. SLACK_BOT_TOKEN=xoxb-… [SLACK_API_URL=…/api/] .venv/bin/python scripts/validate_payloads.py
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from slack_sdk.errors import SlackApiError

from bot.slack.transport.gateway import build_client, open_session
from tests.oracles.payloads import messages, views

_PAUSE_SECONDS = 0.2
"""Between calls: Slack limits the method, without saying how."""


async def main(token: str, api_url: str | None) -> int:
    """Send every payload, and print what Slack refuses.

    Args:
        token: of a bot in any workspace.
        api_url: base of the Web API; None is Slack's own.
    """
    payloads = [(name, "message", {"blocks": shown["blocks"]}) for name, shown in messages()]
    payloads += [(name, "view", view) for name, view in views()]
    refused = 0
    async with open_session() as session:
        client = build_client(token, api_url, session)
        for name, kind, content in payloads:
            refused += await _judged(client, name, kind, content)
            await asyncio.sleep(_PAUSE_SECONDS if api_url is None else 0)
    print(f"{len(payloads)} payloads, {refused} refused")
    return 1 if refused else 0


async def _judged(client: Any, name: str, kind: str, content: dict[str, Any]) -> int:
    try:
        await client.api_call("blocks.validate", data={kind: json.dumps(content)})
    except SlackApiError as error:
        details = error.response.get("errors") or [{"message": "no details"}]
        for detail in details:
            print(f"{name}: {error.response.get('error')}: {detail.get('pointer', '')} {detail.get('message', '')}")
        return 1
    return 0


if __name__ == "__main__":
    if not os.environ.get("SLACK_BOT_TOKEN"):
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(os.environ["SLACK_BOT_TOKEN"], os.environ.get("SLACK_API_URL") or None)))
