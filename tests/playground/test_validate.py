"""`blocks.validate`, and the script that has every payload judged by it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground import RunningPlayground
from tests.playground.support import showcase

ROOT = Path(__file__).parents[2]


async def test_problems_are_told_with_their_pointer(client: AsyncWebClient) -> None:
    blocks = [{"type": "header", "text": showcase.plain("x" * 200)}]
    for name, content in (("blocks", blocks), ("message", {"blocks": blocks})):
        with pytest.raises(SlackApiError) as caught:
            await client.api_call("blocks.validate", data={name: json.dumps(content)})
        assert caught.value.response["error"] == f"invalid_{name}"
        assert caught.value.response["errors"] == [
            {
                "pointer": "/blocks/0/text/text",
                "code": "failed_constraint",
                "message": "must be less than 151 characters",
            }
        ]
    await client.api_call("blocks.validate", data={"view": json.dumps(showcase.MODAL)})
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await client.api_call("blocks.validate")


async def test_every_payload_of_the_bot_is_accepted(server: RunningPlayground) -> None:
    environment = {**os.environ, "SLACK_BOT_TOKEN": "xoxb-playground", "SLACK_API_URL": server.api_url}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        ROOT / "scripts/validate_payloads.py",
        cwd=ROOT,
        env={**environment, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()
    assert printed.decode().splitlines()[-1].endswith(" payloads, 0 refused")
    assert sum(1 for call in server.api.log if call.method == "blocks.validate") > 100
