"""Walks the way of a migration guide in the demonstration, prints the conversation, and checks what each run left.

A deploy with a migration, its rollback, the deploy again, and the restore of the backup from before it.

Usage: scripts/walk_guide.py                                           on this machine
       scripts/worlds run mysql PYTHON scripts/walk_guide.py            on a host with MySQL and the newest Laravel
"""

from __future__ import annotations

import asyncio

from bot.demo.environment import DemoEnvironment, set_up
from bot.demo.operations import APP
from bot.demo.terminal import TerminalReporter, console
from bot.demo.tour.findings import describe
from bot.demo.tour.transcript_printer import TranscriptPrinter
from bot.demo.tour.workspace_client import ChannelView, Message, WorkspaceClient, open_workspace_client, payload
from bot.demo.workspace import DEPLOY, ENGINEER, ONCALL, RELEASER

ROLLBACK, RESTORE = "/rollback compte production", "/backup restore compte production"
_SECONDS = 180


class GuideWalk:
    """Somebody who follows the guide.

    Args:
        demo: the demonstration.
        client: acts for the people.
        printer: prints the conversation.
    """

    def __init__(self, demo: DemoEnvironment, client: WorkspaceClient, printer: TranscriptPrinter) -> None:
        self._demo = demo
        self._client = client
        self._printer = printer

    async def walk(self) -> None:
        """Go the whole way.

        Raises:
            AssertionError: something is not as it must be.
        """
        self._printer.begin()
        first = await self._demo.application.head()
        rows = await self._rows()
        backup = await self._through(DEPLOY)
        assert await describe(self._demo), "the deploy brings the column"
        await self._through(ROLLBACK)
        assert (await self._demo.application.head(), await describe(self._demo)) == (first, {}), "the rollback"
        await self._through(DEPLOY)
        assert await describe(self._demo), "the second deploy brings the column again"
        await self._demo.database.query("DELETE FROM user_sessions WHERE id <= 100", database=APP)
        await self._through(f"{RESTORE} {backup}")
        assert (await self._rows(), await describe(self._demo)) == (rows, {}), "the restore"
        assert not self._demo.application.is_down, "the site is up"

    async def _through(self, command: str) -> str:
        """Ask, approve as as many people as must, and wait for the end; give the backup that the outcome names."""
        before = set((await self._client.view()).runs())
        self._printer.typed(ENGINEER, command, await self._client.view())
        await self._client.type(ENGINEER, command)
        run = await self._client.until(lambda channel: _new(channel, before), "a run", _SECONDS)
        request = await self._client.until(lambda channel: _asked(channel, run), "the request to approve", _SECONDS)
        self._printer.print_new(await self._client.view())
        for user in (RELEASER, ONCALL)[: int(payload(request)["needed"])]:
            await self._client.react(user, request, "white_check_mark")
            self._printer.reacted(user, "✅", await self._client.view())
        await self._client.until(lambda channel: channel.is_over(run), f"the end of {command}", _SECONDS)
        channel = await self._client.view()
        self._printer.print_new(channel)
        result = channel.newest("result", run)
        assert result is not None
        assert payload(result)["state"] == "succeeded", command
        return str(payload(result).get("backup", ""))

    async def _rows(self) -> int:
        [found] = await self._demo.database.query("SELECT COUNT(*) AS n FROM user_sessions", database=APP)
        return int(found["n"])


def _new(channel: ChannelView, before: set[str]) -> str | None:
    return next((run for run in channel.runs() if run not in before), None)


def _asked(channel: ChannelView, run: str) -> Message | None:
    assert not channel.is_over(run), (channel.newest("result", run) or {}).get("text")
    found = channel.newest("approval", run)
    return found if found is not None and found.get("reactions") else None


async def main() -> None:
    """Set the demonstration up and walk through it."""
    output = console()
    async with set_up(0, TerminalReporter(output)) as demo, open_workspace_client(demo.url) as client:
        await GuideWalk(demo, client, TranscriptPrinter(output)).walk()
    output.print("The deploy, its rollback and its restore were as they must be.")


if __name__ == "__main__":
    asyncio.run(main())
