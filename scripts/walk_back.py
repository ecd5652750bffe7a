"""Walks the ways back in the demonstration as a new user would, checks them, and takes pictures at two widths.

Usage: scripts/walk_back.py DIRECTORY
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from bot.demo.console import Announcer, console
from bot.demo.stage import Stage, set_up
from bot.demo.visitor import Message, Room, Visitor, payload, visit
from bot.demo.workspace import CHANNEL, DEPLOY, ENGINEER, ONCALL, RELEASER

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
WIDTHS = (390, 1280)
_TALL = 2600
"""Pixels in which any one message can be seen whole."""

ROLLBACK = "/rollback compte production"
STATUS = "/migrate-status compte production"


class Walk:
    """Somebody who tries everything, with a camera.

    Args:
        stage: the demonstration.
        visitor: at its page.
        browser: takes the pictures.
        folder: where they go.
    """

    def __init__(self, stage: Stage, visitor: Visitor, browser: Browser, folder: Path) -> None:
        self._stage = stage
        self._visitor = visitor
        self._browser = browser
        self._folder = folder
        self._runs: set[str] = set()

    async def status(self) -> None:
        """Ask where the migrations stand."""
        await self._visitor.type(ENGINEER, STATUS)
        await self._visitor.until(lambda room: room.whispers(ENGINEER), "the status")
        await self._channel("status")

    async def there_and_back(self, kind: str, way: str) -> None:
        """Deploy the next commit of a kind, and roll it back.

        Args:
            kind: of the commit.
            way: that the rollback must propose, in its plan's words.
        """
        print(await self._visitor.choose(f"commit-{kind}"))
        run = await self.ask(DEPLOY)
        await self.approve(run, f"{kind}-1-deploy")
        assert await self.end(run) == "succeeded", kind
        await self.picture(run, "result", f"{kind}-2-deployed")
        back = await self.ask(ROLLBACK)
        plan = await self._visitor.until(lambda room: room.newest("plan", back), "the plan of the rollback")
        assert way in str(plan["blocks"]), plan["blocks"]
        await self.approve(back, f"{kind}-3-rollback")
        assert await self.end(back) == "succeeded", kind
        await self.picture(back, "result", f"{kind}-4-back")

    async def break_halfway(self) -> None:
        """Let data break a migration halfway, and leave it by the buttons of the card."""
        print(await self._visitor.choose("commit-unique"))
        run = await self.ask(DEPLOY)
        await self.gate(run)
        print(await self._visitor.choose("sign-up-twice"))
        await self.approve(run, "halfway-1-deploy")
        assert await self.end(run) == "needs_human"
        await self._visitor.until(lambda room: "ran partly" in str(room.newest("result", run)), "what became of it")
        await self.picture(run, "result", "halfway-2-decision")
        await self._channel("halfway-3-channel")
        after = await self.decide(run, "run_restore")
        await self.approve(after, "halfway-4-restore")
        assert await self.end(after) == "succeeded"
        assert not self._stage.application.is_down
        await self.picture(after, "result", "halfway-5-restored")

    async def ask(self, command: str) -> str:
        """Type a command as the engineer, and give its run."""
        await self._visitor.type(ENGINEER, command)
        return await self._new_run()

    async def decide(self, run: str, action: str) -> str:
        """Press a button of a decision card as the engineer, and give the run that goes on."""
        result = (await self._visitor.look()).newest("result", run)
        assert result is not None
        await self._visitor.press(ENGINEER, result, action)
        return await self._new_run()

    async def gate(self, run: str) -> Message:
        """Wait for the request to approve."""

        def is_open(room: Room) -> Message | None:
            found = room.newest("approval", run)
            assert not room.is_over(run), (room.newest("result", run) or {}).get("text")
            return found if found is not None and found.get("reactions") else None

        return await self._visitor.until(is_open, "the request to approve", 120)

    async def approve(self, run: str, name: str) -> None:
        """Take pictures of the plan and the request, and approve as everybody who must."""
        request = await self.gate(run)
        await self.picture(run, "plan", name)
        await self.picture(run, "approval", f"{name}-request")
        for user in (RELEASER, ONCALL)[: int(payload(request)["needed"])]:
            await self._visitor.react(user, request, "white_check_mark")

    async def end(self, run: str) -> str:
        """Wait for the outcome, and give its state."""
        await self._visitor.until(lambda room: room.is_over(run), f"the end of {run}", 180)
        result = (await self._visitor.look()).newest("result", run)
        assert result is not None
        return str(payload(result)["state"])

    async def picture(self, run: str, kind: str, name: str) -> None:
        """Picture one message of a run's thread, at each width."""
        message = (await self._visitor.look()).newest(kind, run)
        assert message is not None, (kind, run)
        for width in WIDTHS:
            page = await self._browser.new_page(viewport={"width": width, "height": _TALL}, locale="en-GB")
            await page.goto(f"{self._stage.url}?as={ENGINEER}#/{CHANNEL}/{message['thread_ts']}")
            await page.wait_for_selector("body[data-ready]")
            element = page.locator(f'#thread [data-ts="{message["ts"]}"]').first
            await element.scroll_into_view_if_needed()
            await element.screenshot(path=self._folder / f"{name}-{width}.png")
            await page.close()

    async def _channel(self, name: str) -> None:
        for width in WIDTHS:
            page = await self._browser.new_page(viewport={"width": width, "height": 900}, locale="en-GB")
            await page.goto(f"{self._stage.url}?as={ENGINEER}#/{CHANNEL}")
            await page.wait_for_selector("body[data-ready]")
            await page.screenshot(path=self._folder / f"{name}-{width}.png")
            await page.close()

    async def _new_run(self) -> str:
        def fresh(room: Room) -> str | None:
            return next((run for run in room.runs() if run not in self._runs), None)

        run = await self._visitor.until(fresh, "a run")
        self._runs.add(run)
        return run


async def main(folder: Path) -> None:
    """Walk."""
    async with set_up(0, Announcer(console())) as stage, visit(stage.url) as visitor, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        walk = Walk(stage, visitor, browser, folder)
        await walk.status()
        await walk.there_and_back("safe", "migrations down")
        await walk.there_and_back("slow", "migrations down")
        await walk.there_and_back("destructive", "to a backup")
        await walk.break_halfway()
        await browser.close()


if __name__ == "__main__":
    pictures = Path(sys.argv[1])
    pictures.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(pictures))
