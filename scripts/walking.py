"""What the walks through the demonstration share: somebody who types, approves and decides there, with a camera."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Error, Locator, Page, async_playwright

from bot.demo.environment import DemoEnvironment, set_up
from bot.demo.terminal import TerminalReporter, console
from bot.demo.tour.workspace_client import ChannelView, Message, WorkspaceClient, open_workspace_client, payload
from bot.demo.workspace import CHANNEL, ENGINEER, ONCALL, RELEASER
from bot.domain.language import Language

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
WIDTHS = (390, 1280)
_TRIES = 5
_TALL = 2600
"""Pixels in which any one message can be seen whole."""


class Walker:
    """Somebody who tries everything, with a camera.

    Args:
        demo: the demonstration.
        client: at its page.
        browser: takes the pictures.
        folder: where they go.
    """

    def __init__(self, demo: DemoEnvironment, client: WorkspaceClient, browser: Browser, folder: Path) -> None:
        self.demo = demo
        self.client = client
        self._browser = browser
        self._folder = folder
        self._runs: set[str] = set()

    async def choose(self, entry: str) -> None:
        """Choose an entry of the demonstration's menu."""
        print(await self.client.choose(entry))

    async def ask(self, command: str, user: str = ENGINEER) -> str:
        """Type a command as a person, and give its run."""
        await self.client.type(user, command)
        return await self.new_run()

    async def answer(self, command: str, name: str, user: str = ENGINEER) -> None:
        """Type a command that starts no run, and picture the answer that the person alone sees."""
        before = len((await self.client.view()).ephemerals(user))
        await self.client.type(user, command)

        def answered(channel: ChannelView) -> bool:
            """Say whether the answer is there; the notice that it is being read is not one."""
            found = channel.ephemerals(user)
            return len(found) > before and not found[-1].startswith("⏳")

        await self.client.until(answered, f"the answer to {command}")
        for width in WIDTHS:
            async with self.page(width, f"?as={user}#/{CHANNEL}", _TALL) as page:
                element = page.locator(".message.ephemeral").last
                await self._keep(element, name, width)

    async def decide(self, run: str, action: str, user: str = ENGINEER) -> str:
        """Press a button of a run's outcome as a person, and give the run that goes on."""
        result = (await self.client.view()).newest("result", run)
        assert result is not None
        await self.client.press(user, result, action)
        return await self.new_run()

    async def gate(self, run: str) -> Message:
        """Wait for the request to approve."""

        def is_open(channel: ChannelView) -> Message | None:
            found = channel.newest("approval", run)
            assert not channel.is_over(run), (channel.newest("result", run) or {}).get("text")
            return found if found is not None and found.get("reactions") else None

        return await self.client.until(is_open, "the request to approve", 120)

    async def approve(self, run: str, name: str, people: Sequence[str] = (RELEASER, ONCALL)) -> None:
        """Picture the plan and the request, and approve as as many people as must."""
        request = await self.gate(run)
        await self.picture(run, "plan", name)
        await self.picture(run, "approval", f"{name}-request")
        for user in people[: int(payload(request)["needed"])]:
            await self.client.react(user, request, "white_check_mark")

    async def end(self, run: str) -> str:
        """Wait for the outcome, and give its state."""
        await self.client.until(lambda channel: channel.is_over(run), f"the end of {run}", 180)
        result = (await self.client.view()).newest("result", run)
        assert result is not None
        return str(payload(result)["state"])

    async def picture(self, run: str, kind: str, name: str) -> None:
        """Picture one message of a run's thread, at each width."""
        message = (await self.client.view()).newest(kind, run)
        assert message is not None, (kind, run)
        for width in WIDTHS:
            where = f"?as={ENGINEER}#/{CHANNEL}/{message.get('thread_ts', message['ts'])}"
            async with self.page(width, where, _TALL) as page:
                element = page.locator(f'#thread [data-ts="{message["ts"]}"]').first
                await self._keep(element, name, width)

    async def thread(self, run: str, name: str) -> None:
        """Picture the whole page with a run's thread open, at each width."""
        card = (await self.client.view()).newest("run", run)
        assert card is not None, run
        await self.shot(f"?as={ENGINEER}#/{CHANNEL}/{card['ts']}", name)

    async def channel(self, name: str, user: str = ENGINEER) -> None:
        """Picture the channel as a person sees it, at each width."""
        await self.shot(f"?as={user}#/{CHANNEL}", name)

    async def shot(self, where: str, name: str, act: Callable[[Page], Awaitable[object]] | None = None) -> None:
        """Picture a page of the playground at each width, after something was done on it.

        Args:
            where: behind the playground's address, such as `?as=U…#/app/home`.
            name: of the picture.
            act: what is done first.
        """
        for width in WIDTHS:
            async with self.page(width, where) as page:
                if act is not None:
                    await act(page)
                await page.screenshot(path=self._file(name, width))

    async def new_run(self) -> str:
        """Wait for a run that was not there before."""

        def fresh(channel: ChannelView) -> str | None:
            return next((run for run in channel.runs() if run not in self._runs), None)

        run = await self.client.until(fresh, "a run", 150)
        self._runs.add(run)
        return run

    async def _keep(self, element: Locator, name: str, width: int) -> None:
        """Picture an element; one that is drawn anew meanwhile, as a message is that was edited, is tried again."""
        for attempt in range(_TRIES):
            try:
                await element.screenshot(path=self._file(name, width))
            except Error:
                if attempt == _TRIES - 1:
                    raise
            else:
                return

    def _file(self, name: str, width: int) -> Path:
        return self._folder / f"{name}-{width}.png"

    @asynccontextmanager
    async def page(self, width: int, where: str, height: int = 900) -> AsyncIterator[Page]:
        """Open a page of the playground, and close it again.

        Args:
            width: of the window, in pixels.
            where: behind the playground's address, such as `?as=U…#/app/home`.
            height: of the window, in pixels.
        """
        page = await self._browser.new_page(viewport={"width": width, "height": height}, locale="en-GB")
        await page.goto(f"{self.demo.url}{where}")
        await page.wait_for_selector("body[data-ready]")
        yield page
        await page.close()


def walk(story: Callable[[Walker], Awaitable[None]]) -> None:
    """Set the demonstration up and walk through it; the pictures go to the folder that the program's first word names.

    `--language fr` has everybody speak that language; what is left of the words is the story's own.
    """
    words = argparse.ArgumentParser()
    words.add_argument("--language", choices=[language.value for language in Language])
    known, sys.argv[1:] = words.parse_known_args()
    if known.language is not None:
        os.environ["BOT_LANGUAGE"] = known.language
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)

    async def walked() -> None:
        async with (
            set_up(0, TerminalReporter(console())) as demo,
            open_workspace_client(demo.url) as client,
            async_playwright() as driver,
        ):
            browser = await driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            await story(Walker(demo, client, browser, folder))
            await browser.close()

    asyncio.run(walked())
