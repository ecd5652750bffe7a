"""Slack's Node SDK as a client of the playground: it meets there what it meets in Slack."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.playground import Playground, RunningPlayground
from bot.playground.client.client_actions import Click
from bot.playground.workspace.default_workspace import default_workspace
from tests.oracles.conftest import HERE
from tests.support.polling import eventually

OPS, AMELIE, BOB = "C0OPS", "U0AMELIE", "U0BOB"


@asynccontextmanager
async def bolt(server: RunningPlayground) -> AsyncIterator[list[str]]:
    """Run the app, and collect what it prints."""
    process = await asyncio.create_subprocess_exec(
        "node", "bolt_client.mjs", server.api_url, cwd=HERE, stdout=asyncio.subprocess.PIPE
    )
    lines: list[str] = []

    async def read() -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            lines.append(line.decode().strip())

    reading = asyncio.create_task(read())
    try:
        yield lines
    finally:
        process.kill()
        await process.wait()
        await reading


async def test_the_node_sdk_works_in_the_playground() -> None:
    async with Playground(default_workspace()).serve() as server, bolt(server) as lines:
        await eventually(lambda: "ready" in lines, 60)
        people = server.client_actions
        await people.command(AMELIE, OPS, "/deploy compte production")
        await eventually(lambda: "posted" in lines, 60)
        assert [text.text for text in server.state.ephemerals] == ["answered"]
        assert "thread true" in lines
        assert "metadata R-1 edited" in lines
        assert "members 5" in lines
        assert "refused not_in_channel" in lines
        card = next(iter(server.state.conversation(OPS).messages.values()))
        people.react(BOB, OPS, card.ts, "thumbsup::skin-tone-3")
        await eventually(lambda: f"reaction +1::skin-tone-3 {BOB}" in lines, 30)
        # By what auth.test says the SDK knows its own seed again, and drops the event.
        assert not [line for line in lines if "U0COUNTER" in line]
        await people.click(AMELIE, OPS, card.ts, Click("go"))
        (view,) = await eventually(lambda: list(server.state.views.values()), 30)
        assert await people.submit(AMELIE, view.id, {"why": {"why": "bad"}}) == {"why": "not that"}
        assert await people.submit(AMELIE, view.id, {"why": {"why": "good"}}) == {}
        await eventually(lambda: "submitted good" in lines, 30)
        assert [file.name for file in server.state.files.values()] == ["log.txt"]
